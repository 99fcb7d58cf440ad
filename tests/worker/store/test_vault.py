"""Sign-ins at rest: unreadable without the key, never lost, never overwritten by an older holder of the lock."""

import asyncio
import os
import signal
from pathlib import Path

import pytest
from cryptography.fernet import Fernet, MultiFernet
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from worker.errors import ConfigurationError, ServiceError
from worker.limits import Limits
from worker.store import secrets
from worker.store.connection import open_redis
from worker.store.embedded import EmbeddedServer
from worker.store.keys import Keys
from worker.store.vault import TokenVault

pytestmark = pytest.mark.usefixtures("no_leaks")

FIRST = {"access_token": "a-1", "refresh_token": "r-1"}
SECOND = {"access_token": "a-2", "refresh_token": "r-2"}


@pytest.fixture
def vault(redis: Redis, keys: Keys, tmp_path: Path) -> TokenVault:
    secrets.ensure_secret_key(tmp_path)
    return TokenVault(redis, keys, secrets.load_cipher(None, tmp_path), tmp_path)


async def test_a_service_never_connected_has_no_token(vault: TokenVault) -> None:
    assert await vault.get("xero") is None
    assert await vault.previous("xero") is None


async def test_the_previous_token_is_kept(vault: TokenVault) -> None:
    await vault.put("xero", FIRST)
    await vault.put("xero", SECOND)
    assert await vault.get("xero") == SECOND
    assert await vault.previous("xero") == FIRST


async def test_services_do_not_mix(vault: TokenVault) -> None:
    await vault.put("xero", FIRST)
    await vault.put("salesforce", SECOND)
    assert await vault.get("xero") == FIRST
    assert await vault.get("salesforce") == SECOND


async def test_nothing_at_rest_shows_a_token(vault: TokenVault, redis: Redis, keys: Keys) -> None:
    await vault.put("xero", FIRST)
    stored = str(await redis.hgetall(keys("tokens"))) + vault.file.read_text()
    assert "a-1" not in stored
    assert "r-1" not in stored
    assert vault.file.stat().st_mode & 0o777 == 0o600


async def test_tokens_survive_a_wiped_redis(vault: TokenVault, redis: Redis) -> None:
    await vault.put("xero", FIRST)
    await vault.put("xero", SECOND)
    await redis.flushall()
    assert await vault.get("xero") == SECOND
    assert await vault.previous("xero") == FIRST


async def test_an_older_copy_of_redis_does_not_bring_back_an_older_token(
    vault: TokenVault, redis: Redis, keys: Keys
) -> None:
    await vault.put("xero", FIRST)
    backup = await redis.hgetall(keys("tokens"))
    await vault.put("xero", SECOND)
    await redis.delete(keys("tokens"))
    await redis.hset(keys("tokens"), mapping=backup)
    assert await vault.get("xero") == SECOND


async def test_tokens_survive_a_lost_disk(vault: TokenVault) -> None:
    await vault.put("xero", FIRST)
    vault.file.unlink()
    assert await vault.get("xero") == FIRST


async def test_a_copy_on_disk_that_is_no_json_does_not_stand_in_the_way(vault: TokenVault) -> None:
    await vault.put("xero", FIRST)
    vault.file.write_text("{")
    assert await vault.get("xero") == FIRST
    await vault.put("xero", SECOND)
    assert await vault.get("xero") == SECOND


async def test_a_token_renewed_while_redis_is_gone_is_kept_on_disk(
    own_server: EmbeddedServer, keys: Keys, tmp_path: Path
) -> None:
    secrets.ensure_secret_key(tmp_path)
    impatient = open_redis(own_server.url, retry=Retry(NoBackoff(), 0), retry_on_error=[])
    vault = TokenVault(impatient, keys, secrets.load_cipher(None, tmp_path), tmp_path)
    await vault.put("xero", FIRST)
    async with vault.lock("xero") as held:
        os.kill(own_server.pid, signal.SIGKILL)
        assert await vault.put("xero", SECOND, held)
        await own_server.start()
    assert await vault.get("xero") == SECOND
    await impatient.aclose()


async def test_a_token_that_can_be_stored_nowhere_is_an_error(
    own_server: EmbeddedServer, keys: Keys, tmp_path: Path
) -> None:
    impatient = open_redis(own_server.url, retry=Retry(NoBackoff(), 0), retry_on_error=[])
    (tmp_path / "state").write_text("a file where the folder should be")
    cipher = MultiFernet([Fernet(Fernet.generate_key())])
    vault = TokenVault(impatient, keys, cipher, tmp_path)
    async with vault.lock("xero") as held:
        os.kill(own_server.pid, signal.SIGKILL)
        with pytest.raises(ServiceError, match="neither in Redis nor on disk"):
            await vault.put("xero", FIRST, held)
        await own_server.start()
    await impatient.aclose()


async def test_a_former_holder_of_the_lock_cannot_overwrite_a_newer_token(
    redis: Redis, keys: Keys, vault: TokenVault
) -> None:
    hasty = TokenVault(redis, keys, vault.cipher, vault.data, Limits(token_lock=0.01))
    async with hasty.lock("xero") as former:
        async with vault.lock("xero") as current:
            assert await vault.put("xero", SECOND, current)
        assert not await vault.put("xero", FIRST, former)
    assert await vault.get("xero") == SECOND
    await redis.flushall()
    assert await vault.get("xero") == SECOND


async def test_one_renews_at_a_time(vault: TokenVault) -> None:
    inside: list[int] = []

    async def renew() -> None:
        async with vault.lock("xero"):
            inside.append(1)
            assert len(inside) == 1
            await vault.get("xero")
            inside.pop()

    await asyncio.gather(*(renew() for _ in range(5)))


async def test_a_lock_held_for_too_long_is_an_error(redis: Redis, keys: Keys, vault: TokenVault) -> None:
    impatient = TokenVault(redis, keys, vault.cipher, vault.data, Limits(token_lock=0.001))
    async with vault.lock("xero"):
        with pytest.raises(ServiceError, match="renewed by another process"):
            async with impatient.lock("xero"):
                pytest.fail("two held the lock")


async def test_a_token_of_another_service_or_connection_is_not_believed(
    vault: TokenVault, redis: Redis, keys: Keys
) -> None:
    await vault.put("salesforce", FIRST)
    stolen = await redis.hget(keys("tokens"), "salesforce")
    await redis.hset(keys("tokens"), "xero", stolen)
    with pytest.raises(ConfigurationError, match="belongs to salesforce"):
        await vault.get("xero")
    other = TokenVault(redis, Keys(connection="other"), vault.cipher, vault.data)
    with pytest.raises(ConfigurationError, match="of the connection main"):
        await other.get("salesforce")


async def test_a_newer_key_encrypts_and_the_older_one_still_reads(redis: Redis, keys: Keys, tmp_path: Path) -> None:
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    await TokenVault(redis, keys, secrets.load_cipher(old, tmp_path), tmp_path).put("xero", FIRST)
    both = TokenVault(redis, keys, secrets.load_cipher(f"{new},{old}", tmp_path), tmp_path)
    assert await both.get("xero") == FIRST
    await both.put("xero", SECOND)
    only_new = TokenVault(redis, keys, secrets.load_cipher(new, tmp_path), tmp_path)
    assert await only_new.get("xero") == SECOND


async def test_another_key_is_an_error_that_names_the_remedy_and_connecting_again_mends_it(
    vault: TokenVault, redis: Redis, keys: Keys
) -> None:
    await vault.put("xero", FIRST)
    other = TokenVault(redis, keys, MultiFernet([Fernet(Fernet.generate_key())]), vault.data)
    with pytest.raises(ConfigurationError, match="HOURSTREAM_SECRET_KEY"):
        await other.get("xero")
    await other.put("xero", SECOND)
    assert await other.get("xero") == SECOND


async def test_a_disconnected_service_leaves_nothing(vault: TokenVault, redis: Redis, keys: Keys) -> None:
    await vault.put("xero", FIRST)
    await vault.put("salesforce", SECOND)
    await vault.forget("xero")
    assert await vault.get("xero") is None
    assert await vault.previous("xero") is None
    assert await vault.get("salesforce") == SECOND


def test_the_key_file_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    path = secrets.ensure_secret_key(tmp_path)
    made = path.read_bytes()
    assert path.stat().st_mode & 0o777 == 0o600
    assert secrets.ensure_secret_key(tmp_path).read_bytes() == made


@pytest.mark.parametrize(("given", "word"), [(None, "missing"), ("too-short", "HOURSTREAM_SECRET_KEY does not hold")])
def test_no_key_and_a_malformed_key_are_told_apart(given: str | None, word: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=word):
        secrets.load_cipher(given, tmp_path)
