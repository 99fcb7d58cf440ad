"""Behind a proxy that alone gets out, with certificates of an own authority: every door, and Xero."""

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from redis.asyncio import Redis

from listeners.poll import poll_channel
from sandbox.serve import Ports, running
from tests.listeners.bus import CHANNEL
from tests.listeners.processes import Deployment, environment_of, store_parts
from tests.listeners.proxying import Proxy, proxying
from worker.proxies import proxy_for
from worker.store.embedded import EmbeddedServer
from worker.store.secrets import ensure_secret_key
from worker.xero.errors import Unreachable
from worker.xero.transport import Deadline, Transport

ORG, EVENTS, XERO = "org.example.com", "events.example.com:7443", "xero.example.com"
WITHIN = Deadline(total=10, connect=5)
PASSES = "Proxy-Authorization: Basic dGltZTpzZWNyZXQ="  # time:secret


@pytest.fixture
async def deployment(valkey: EmbeddedServer, redis: Redis, tmp_path: Path) -> AsyncIterator[Deployment]:
    ensure_secret_key(tmp_path)
    async with running(Ports()) as org:
        made = Deployment(org, *store_parts(redis), environment_of(org, valkey.url, tmp_path))
        yield made
        await made.end()


@pytest.fixture
async def proxy(deployment: Deployment, tmp_path: Path) -> AsyncIterator[Proxy]:
    """Behind it the org goes by public names."""
    state, given = deployment.org.salesforce, deployment.org.environment
    routes = {f"{ORG}:443": urlsplit(state.org.url).netloc, EVENTS: given["SALESFORCE_PUBSUB_TARGET"]}
    state.org.url = f"https://{ORG}"
    async with proxying(routes, tmp_path) as proxy:
        yield proxy


@pytest.mark.parametrize(
    ("door", "asked"),
    [
        ("pubsub", {f"CONNECT {ORG}:443", f"CONNECT {EVENTS}"}),
        ("cometd", {f"CONNECT {ORG}:443"}),
        ("poll", {f"CONNECT {ORG}:443"}),
    ],
)
async def test_sign_in_reads_and_events_go_through_the_proxy(
    deployment: Deployment, proxy: Proxy, tmp_path: Path, door: str, asked: set[str]
) -> None:
    await deployment.listen(
        SALESFORCE_TRANSPORT=door,
        SALESFORCE_LOGIN_URL=f"https://{ORG}",
        SALESFORCE_PUBSUB_TARGET=EVENTS,
        SALESFORCE_PUBSUB_TLS="true",
        HOURSTREAM_TIME_SCALE="1",
        HTTPS_PROXY=f"http://time:secret@{proxy.address}",
        SSL_CERT_FILE=str(tmp_path / "authority.pem"),
    )
    if door == "poll":
        await deployment.holds(lambda: deployment.position(poll_channel("TimeEntry__c")))
    else:
        await deployment.holds(deployment.subscribed)
        await deployment.told(deployment.log_time())
        assert await deployment.position(CHANNEL)
    assert set(proxy.asked) == asked
    assert proxy.credentials == {PASSES}


@pytest.fixture
def named(proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> Proxy:
    """The environment of this very process names it."""
    monkeypatch.setenv("HTTPS_PROXY", f"http://{proxy.address}")
    return proxy


async def test_a_proxy_that_lets_nothing_through_means_that_nothing_was_sent_to_xero(named: Proxy) -> None:
    named.refuses = True
    async with Transport() as transport:
        with pytest.raises(Unreachable, match="407"):
            await transport.request("PUT", f"https://{XERO}/Invoices", deadline=WITHIN, headers={}, body=b"{}")
    assert named.asked == [f"CONNECT {XERO}:443"]


async def test_xero_is_asked_through_the_proxy_and_believed_only_by_a_trusted_certificate(
    named: Proxy, deployment: Deployment
) -> None:
    named.routes = {f"{XERO}:443": urlsplit(deployment.org.environment["XERO_API_URL"]).netloc}
    async with Transport() as transport:
        with pytest.raises(Unreachable, match="CERTIFICATE_VERIFY_FAILED"):  # this process trusts no other authority
            await transport.request("GET", f"https://{XERO}/", deadline=WITHIN, headers={})
    assert named.asked == [f"CONNECT {XERO}:443"]


async def test_a_netrc_adds_no_sign_in_of_its_own(
    deployment: Deployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "netrc"
    file.write_text("default login someone password else\n")
    file.chmod(0o600)
    monkeypatch.setenv("NETRC", str(file))
    async with Transport() as transport:
        address = f"{deployment.org.environment['XERO_API_URL']}/connections"
        answer = await transport.request("GET", address, deadline=WITHIN, headers={"Authorization": "Bearer none"})
    assert answer.status == 401


@pytest.mark.parametrize(
    ("address", "proxy"),
    [
        ("https://org.my.salesforce.com/services", "http://proxy.example:3128"),
        ("https://inside.example.com:8443/", None),
        ("http://127.0.0.1:9/", None),
        ("http://localhost/", None),
        ("https://[::1]:7443", None),
    ],
)
def test_the_environment_says_which_proxy_and_this_machine_has_none(
    monkeypatch: pytest.MonkeyPatch, address: str, proxy: str | None
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", "inside.example.com")
    assert proxy_for(address) == proxy
