"""Links that die without a word, and the gRPC channel's options."""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import grpc
import pytest

from listeners.channel import Target, channel_options, roots
from listeners.pubsub import PubSub, PubSubSubscription
from tests.listeners.bus import CHANNEL, record, unit
from tests.listeners.house import House
from tests.listeners.memory import LIMITS, MemoryPosition, eventually
from worker.limits import Limits


@dataclass
class Link:
    """A TCP relay that can swallow everything without closing."""

    target: str
    address: str = ""
    dead: asyncio.Event = field(default_factory=asyncio.Event)
    opened: int = 0
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _writers: list[asyncio.StreamWriter] = field(default_factory=list)

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, port = self.target.rsplit(":", 1)
        self.opened += 1
        upstream, downstream = await asyncio.open_connection(host, int(port))
        number = self.opened
        self._writers += [downstream, writer]
        for source, sink in ((reader, downstream), (upstream, writer)):
            task = asyncio.create_task(self._pump(source, sink, number))
            self._tasks.add(task)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, number: int) -> None:
        with suppress(ConnectionError):
            while data := await source.read(65536):
                if self.dead.is_set() and number == 1:
                    continue
                sink.write(data)
                await sink.drain()

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for writer in self._writers:
            writer.close()
        await asyncio.gather(*(writer.wait_closed() for writer in self._writers), return_exceptions=True)


@asynccontextmanager
async def relayed(target: str) -> AsyncIterator[Link]:
    link = Link(target)
    server = await asyncio.start_server(link.accept, "127.0.0.1", 0)
    link.address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield link
    finally:
        server.close()
        await link.close()


async def test_a_half_open_link_is_noticed_by_pings_long_before_the_silence_would_be(house: House) -> None:
    house.inbox.positions[CHANNEL] = MemoryPosition(base64.b64encode(house.bus.latest).decode())
    limits = replace(LIMITS, stream_silence=600.0)
    async with relayed(house.bus.address) as link:
        listener = house.start(door=PubSub(Target(link.address, tls=False), house.org, limits), limits=limits)
        await house.bus.publish(recordIds=[record(1)])
        await eventually(lambda: house.inbox.ids == [unit(1)])
        link.dead.set()
        await house.bus.publish(recordIds=[record(2)])
        await eventually(lambda: unit(2) in house.inbox.ids, within=15)
        assert listener.status.reconnects["unavailable"] == 1
        await house.stop()


class Swallowing:
    """A call that ends in the moment its reader is cancelled: grpc.aio then forgets the cancellation."""

    async def read(self) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise grpc.aio.AioRpcError(grpc.StatusCode.UNAVAILABLE, grpc.aio.Metadata(), grpc.aio.Metadata()) from None


async def test_a_cancellation_that_grpc_swallows_still_ends_the_listener(house: House) -> None:
    door = PubSub(Target(house.bus.address, tls=False), house.org, LIMITS)
    subscription = PubSubSubscription(Swallowing(), CHANNEL, LIMITS, door.faults)
    task = asyncio.ensure_future(anext(subscription))
    await asyncio.wait([task], timeout=0.01)
    task.cancel()
    await asyncio.wait([task], timeout=5)
    assert task.cancelled()


async def test_a_server_that_finds_the_pings_too_many_is_pinged_less(house: House) -> None:
    house.inbox.positions[CHANNEL] = MemoryPosition(base64.b64encode(house.bus.latest).decode())
    door = PubSub(Target(house.bus.address, tls=False), house.org, LIMITS)
    listener = house.start(door=door)  # pings every 0.3 s, of which gRPC's own server bears two without any data
    await eventually(lambda: listener.status.reconnects["too many pings"], within=15)
    await house.bus.publish(recordIds=[record(1)])
    await eventually(lambda: house.inbox.ids == [unit(1)])
    assert door.target.pings_apart > 1


def test_pings_go_out_every_half_minute_and_rarer_when_the_server_minds() -> None:
    target = Target("api.pubsub.salesforce.com:7443")
    options = dict(channel_options(target, Limits()))
    assert options["grpc.keepalive_time_ms"] == 30_000
    assert options["grpc.http2.ping_timeout_ms"] == 10_000
    assert dict(channel_options(target.with_rarer_pings(), Limits()))["grpc.keepalive_time_ms"] == 60_000


@pytest.mark.parametrize(
    ("address", "proxy"), [("api.pubsub.salesforce.com:7443", "http://proxy.example:3128"), ("127.0.0.1:7011", None)]
)
def test_a_proxy_of_the_environment_is_used_but_not_for_this_machine(
    monkeypatch: pytest.MonkeyPatch, address: str, proxy: str | None
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    options = dict(channel_options(Target(address), Limits()))
    assert (options["grpc.enable_http_proxy"], options.get("grpc.http_proxy")) == (int(proxy is not None), proxy)


def test_trust_is_the_named_file_s_else_the_system_s(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "roots.pem"
    file.write_bytes(b"certificates")
    monkeypatch.delenv("GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", raising=False)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    assert roots() == b"certificates"
    monkeypatch.setenv("GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", str(file))
    assert roots() is None
