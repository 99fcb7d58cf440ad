"""Another key: everything is encrypted anew, what runs goes on, and typed secrets are kept like sign-ins."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet, InvalidToken
from pydantic import SecretStr
from redis.asyncio import Redis

from console.rotating import rotate_keys
from worker.errors import ConfigurationError, ServiceError
from worker.settings import Settings
from worker.store.consents import Consents
from worker.store.credentials import Credentials
from worker.store.embedded import EmbeddedServer
from worker.store.keys import Keys
from worker.store.secrets import KeyRing, drop_keys, ensure_secret_key, key_file, load_cipher
from worker.store.vault import TokenVault

pytestmark = pytest.mark.usefixtures("no_leaks")

FIRST, SECOND = {"access_token": "a-1", "refresh_token": "r-1"}, {"access_token": "a-2", "refresh_token": "r-2"}
TYPED = {"XERO_CLIENT_ID": "typed-id", "XERO_CLIENT_SECRET": "typed-secret"}


def vault_of(redis: Redis, keys: Keys, data: Path, given: str | None = None) -> TokenVault:
    return TokenVault(redis, keys, load_cipher(given, data), data)


def settings(server: EmbeddedServer, data: Path, **more: Any) -> Settings:
    return Settings(_env_file=None, redis_url=server.url, hourstream_data=data, **more)  # type: ignore[call-arg]


@pytest.fixture
def vault(redis: Redis, keys: Keys, tmp_path: Path) -> TokenVault:
    ensure_secret_key(tmp_path)
    return vault_of(redis, keys, tmp_path)


async def test_all_is_encrypted_anew_and_the_oldest_key_goes(
    vault: TokenVault, redis: Redis, keys: Keys, valkey: EmbeddedServer
) -> None:
    await vault.put("xero", FIRST)
    await vault.put("xero", SECOND)
    await Credentials(vault).put("xero", TYPED)
    first = key_file(vault.data).read_text().strip()
    done = await rotate_keys(settings(valkey, vault.data))
    assert (done.made, done.redis, done.disk, done.dropped) == (True, 3, 3, 0)
    again = await rotate_keys(settings(valkey, vault.data))
    assert again.dropped == 1
    assert first not in key_file(vault.data).read_text()
    newest = key_file(vault.data).read_text().split()[0]
    alone = vault_of(redis, keys, vault.data, newest)
    assert await alone.get("xero") == SECOND
    assert await alone.previous("xero") == FIRST
    assert await Credentials(alone).get("xero") == TYPED
    await redis.delete(keys("tokens"))
    assert await alone.get("xero") == SECOND


async def test_processes_that_run_go_on_without_a_restart(
    vault: TokenVault, redis: Redis, keys: Keys, valkey: EmbeddedServer
) -> None:
    await vault.put("xero", FIRST)
    running = vault_of(redis, keys, vault.data)
    await rotate_keys(settings(valkey, vault.data))
    await vault.put("xero", SECOND)  # still with the key it knows
    assert await running.get("xero") == SECOND
    await rotate_keys(settings(valkey, vault.data))
    assert await running.get("xero") == await vault.get("xero") == SECOND


async def test_what_is_stored_meanwhile_is_not_overwritten_by_an_older_one(
    vault: TokenVault, valkey: EmbeddedServer
) -> None:
    async def renew() -> None:
        for n in range(20):
            await vault.put("xero", {"refresh_token": f"r-{n}"})

    async def rotate() -> None:
        for _ in range(3):
            await rotate_keys(settings(valkey, vault.data))

    await asyncio.gather(renew(), rotate())
    assert await vault.get("xero") == {"refresh_token": "r-19"}


async def test_keys_of_the_environment_change_by_their_list(
    redis: Redis, keys: Keys, valkey: EmbeddedServer, tmp_path: Path
) -> None:
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    await vault_of(redis, keys, tmp_path, old).put("xero", FIRST)
    with pytest.raises(ConfigurationError, match="holds one key"):
        await rotate_keys(settings(valkey, tmp_path, hourstream_secret_key=SecretStr(old)))
    done = await rotate_keys(settings(valkey, tmp_path, hourstream_secret_key=SecretStr(f"{new},{old}")))
    assert (done.made, done.redis, done.disk) == (False, 1, 1)
    assert old not in done.text
    assert await vault_of(redis, keys, tmp_path, new).get("xero") == FIRST


async def test_what_another_key_encrypted_is_named_and_left(vault: TokenVault, redis: Redis, keys: Keys) -> None:
    await vault_of(redis, keys, vault.data, Fernet.generate_key().decode()).put("salesforce", FIRST)
    with pytest.raises(ConfigurationError, match="salesforce sign-in cannot be decrypted"):
        await vault.reseal()


def test_a_key_ring_without_another_key_says_no(tmp_path: Path) -> None:
    ensure_secret_key(tmp_path)
    ring = load_cipher(None, tmp_path)
    assert isinstance(ring, KeyRing)
    with pytest.raises(InvalidToken):
        ring.decrypt(Fernet(Fernet.generate_key()).encrypt(b"x"))
    key_file(tmp_path).unlink()
    with pytest.raises(InvalidToken):
        ring.decrypt(b"garbage")
    ensure_secret_key(tmp_path)
    assert drop_keys(tmp_path, 1) == 0


# ---- typed into the console ----------------------------------------------------------------------------------------


async def test_what_was_typed_fills_what_the_environment_leaves_out(vault: TokenVault) -> None:
    credentials = Credentials(vault)
    await credentials.put("xero", TYPED)
    await credentials.put("salesforce", {"SALESFORCE_LOGIN_URL": "https://acme.my.salesforce.com"})
    filled = await credentials.filled(Settings(_env_file=None, xero_client_id="of the environment"))  # type: ignore[call-arg]
    assert filled.xero_client_id == "of the environment"
    assert filled.xero_client_secret is not None
    assert filled.xero_client_secret.get_secret_value() == "typed-secret"
    assert filled.salesforce_login_url == "https://acme.my.salesforce.com"
    assert "typed-secret" not in f"{filled!r}{vault.file.read_text()}"


async def test_an_empty_field_leaves_what_was_typed_before(vault: TokenVault) -> None:
    credentials = Credentials(vault)
    await credentials.put("xero", TYPED)
    await credentials.put("xero", {"XERO_CLIENT_ID": " other ", "XERO_CLIENT_SECRET": ""})
    assert await credentials.get("xero") == TYPED | {"XERO_CLIENT_ID": "other"}
    await credentials.forget("xero")
    assert await credentials.get("xero") == {}


@pytest.mark.parametrize(
    "values",
    [{"SALESFORCE_CLIENT_ID": "x"}, {"REDIS_URL": "redis://elsewhere"}],
)
async def test_only_the_apps_own_names_are_taken(vault: TokenVault, values: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError, match="does not belong to the xero app"):
        await Credentials(vault).put("xero", values)


async def test_an_address_without_encryption_is_refused(vault: TokenVault) -> None:
    with pytest.raises(ConfigurationError, match="https"):
        await Credentials(vault).put("salesforce", {"SALESFORCE_LOGIN_URL": "http://acme.example"})


# ---- sign-ins under way --------------------------------------------------------------------------------------------


async def test_a_sign_in_is_taken_once_by_who_began_it(vault: TokenVault, redis: Redis, keys: Keys) -> None:
    consents = Consents(redis, keys, vault.cipher)
    state, begun = await consents.begin("xero", "Ada", "http://localhost:8400/oauth/xero/callback")
    [key] = await redis.keys(keys("consent", "*"))
    assert state not in key
    assert begun.verifier not in str(await redis.get(key))
    assert begun.verifier not in repr(begun)
    assert await consents.take("xero", "Ada", state) == begun
    for what, by in (("xero", "Ada"), ("salesforce", "Ada"), ("xero", "Mallory")):
        with pytest.raises(ServiceError, match="Begin it again"):
            await consents.take(what, by, state)


async def test_a_token_of_before_does_not_come_back_after_disconnecting(redis: Redis, vault: TokenVault) -> None:
    async with vault.lock("xero") as former:
        await redis.delete(vault.keys("lock", "token:xero"))  # it slept through its time
        await vault.forget("xero")
        await vault.put("xero", FIRST, former)
    assert await vault.get("xero") is None
