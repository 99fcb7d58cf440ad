"""Where the tokens of Salesforce and Xero are kept: encrypted, the previous one beside the current one, a copy on disk.

A renewed Xero refresh token replaces the old one: whoever loses it is locked out until a person signs in again. So
`put` writes to Redis and to HOURSTREAM_DATA/state/tokens.json and fails only when both fail, and `get` takes the newer
of both. Newer is decided by the token of the lock under which it was stored, which only ever grows.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec
import structlog
from cryptography.fernet import InvalidToken, MultiFernet
from msgspec import Struct, structs
from redis.asyncio import Redis
from redis.exceptions import RedisError

from worker.errors import ConfigurationError, ServiceError
from worker.limits import Limits
from worker.logs import hide, secrets_in
from worker.store import disk
from worker.store.keys import Keys
from worker.store.locks import Locks
from worker.store.lua import Key, script, stub

LOOK_EVERY = 0.05  # seconds between two tries for a lock another holds

log = structlog.get_logger(__name__)


class _Sealed(Struct, frozen=True):
    """What is encrypted: the token and what it belongs to, so that a value copied elsewhere is not believed."""

    connection: str
    service: str
    fence: int
    token: dict[str, Any]


class _Kept(Struct, frozen=True, omit_defaults=True):
    """One service in tokens.json, both encrypted. `fence` is that of a service that was disconnected: nothing older
    comes back."""

    current: str = ""
    previous: str = ""
    fence: int = 0


class Resealed(Struct, frozen=True, kw_only=True):
    """How many stored tokens were encrypted anew with the newest key, in Redis and on disk."""

    redis: int
    disk: int


@dataclass(frozen=True, slots=True)
class Held:
    """The lock of a service's token, held: `put` under it is refused once a later holder has stored another."""

    service: str
    fence: int


@script(allow_oom=True)
async def _store(redis: Redis, *, tokens: Key, service: str, fence: str, sealed: str) -> int:
    """
    if tonumber(redis.call("HGET", tokens, service .. ":fence") or "0") > tonumber(fence) then
        return 0
    end
    local current = redis.call("HGET", tokens, service)
    if current and current ~= sealed then
        redis.call("HSET", tokens, service .. ":previous", current)
    end
    redis.call("HSET", tokens, service, sealed, service .. ":fence", fence)
    return 1
    """
    return stub()


@script(allow_oom=True)
async def _forget(redis: Redis, *, tokens: Key, service: str, fence: str) -> int:
    """
    redis.call("HDEL", tokens, service, service .. ":previous")
    return redis.call("HSET", tokens, service .. ":fence", fence)
    """
    return stub()


@script(allow_oom=True)
async def _swap(redis: Redis, *, tokens: Key, field: str, old: str, new: str) -> int:
    """
    if redis.call("HGET", tokens, field) ~= old then
        return 0
    end
    redis.call("HSET", tokens, field, new)
    return 1
    """
    return stub()


# What this task holds: whoever renews a token under the lock stores it under the same one.
_holding: ContextVar[Mapping[str, Held]] = ContextVar("holding", default=MappingProxyType({}))


@dataclass(frozen=True)
class TokenVault:
    """Tokens by service ("salesforce", "xero"). What a token holds is its client's business: any JSON object."""

    redis: Redis
    keys: Keys
    cipher: MultiFernet
    data: Path
    limits: Limits = field(default_factory=Limits)

    @property
    def file(self) -> Path:
        """The copy on disk."""
        return self.data / "state" / "tokens.json"

    async def get(self, service: str) -> dict[str, Any] | None:
        """The current token, or None when the service was never connected.

        Raises `ConfigurationError` when what is stored was encrypted with a key we do not have.
        """
        found = await self._newest(service)
        return found.token if found else None

    async def previous(self, service: str) -> dict[str, Any] | None:
        """The token before the current one (Xero accepts a replaced refresh token for half an hour)."""
        stored: str | None = await self.redis.hget(self._key, f"{service}:previous")  # type: ignore[misc]  # sync and async typed as one
        stored = stored or (await self._on_disk(service)).previous
        return self._open(service, stored).token if stored else None

    async def put(self, service: str, token: Mapping[str, Any], held: Held | None = None) -> bool:
        """Store a token, the current one becoming the previous one.

        Inside `lock` (or under `held`, which it gives) it is refused, False, when a later holder has stored one.
        Elsewhere the lock is taken for the write. Raises `ServiceError` when it could be stored nowhere.
        """
        held = held or _holding.get().get(service)
        if held is None:
            async with self.lock(service) as taken:
                return await self.put(service, token, taken)
        sealed = self._seal(_Sealed(self.keys.connection, service, held.fence, dict(token)))
        on_disk = await self._copy_to_disk(service, sealed, held.fence)
        try:
            return bool(
                await _store(self.redis, tokens=self._key, service=service, fence=str(held.fence), sealed=sealed)
            )
        except (RedisError, OSError) as error:
            if not on_disk:
                raise ServiceError(
                    f"The new {service} sign-in could be stored neither in Redis nor on disk."
                ) from error
            log.warning("token stored on disk only", service=service, error=str(error))
            return True

    async def fence(self, service: str) -> int:
        """A number that is another one, greater, for each token stored; 0 where there is none."""
        found = await self._newest(service)
        return found.fence if found else 0

    async def forget(self, service: str) -> None:
        """Remove a service's tokens everywhere (it was disconnected); whoever renews them meanwhile stores nothing."""
        async with self.lock(service) as held:
            await _forget(self.redis, tokens=self._key, service=service, fence=str(held.fence))
            await asyncio.to_thread(self._write_disk, service, None, held.fence)

    async def reseal(self) -> Resealed:
        """Encrypt everything anew with the newest key. Safe beside processes that store and read meanwhile.

        Raises `ConfigurationError` when something was encrypted with a key we do not have; the rest is done.
        """
        rows: dict[str, str] = await self.redis.hgetall(self._key)  # type: ignore[misc]  # as above
        sealed = {name: text for name, text in rows.items() if not name.endswith(":fence")}
        count = 0
        for name, text in sealed.items():
            new = self._rotated(name, text)
            count += await _swap(self.redis, tokens=self._key, field=name, old=text, new=new)
        return Resealed(redis=count, disk=await asyncio.to_thread(self._reseal_disk))

    @asynccontextmanager
    async def lock(self, service: str) -> AsyncIterator[Held]:
        """Hold the right to renew the service's token: take it, `get` again, renew, `put`, then use.

        Waits for another holder up to twice `Limits.token_lock` seconds, then raises `ServiceError`.
        """
        locks = Locks(self.redis, self.keys)
        name = f"token:{service}"
        deadline = time.monotonic() + 2 * self.limits.token_lock
        while (fence := await locks.acquire(name, self.limits.token_lock)) is None:
            if time.monotonic() > deadline:
                raise ServiceError(f"The {service} sign-in is being renewed by another process for too long.")
            await asyncio.sleep(LOOK_EVERY)
        held = Held(service, int(fence))
        before = _holding.get()
        _holding.set({**before, service: held})
        try:
            yield held
        finally:
            _holding.set(before)
            await locks.release(name, fence)

    @property
    def _key(self) -> Key:
        return self.keys("tokens")

    async def _newest(self, service: str) -> _Sealed | None:
        stored: str | None = await self.redis.hget(self._key, service)  # type: ignore[misc]  # as above
        copy = (await self._on_disk(service)).current
        found = [self._open(service, text) for text in dict.fromkeys((stored, copy)) if text]
        return max(found, key=lambda sealed: sealed.fence, default=None)

    def _rotated(self, name: str, text: str) -> str:
        self._open(name.removesuffix(":previous"), text)
        return self.cipher.rotate(text).decode()

    def _reseal_disk(self) -> int:
        with disk.locked(self.file.with_suffix(".lock")):
            kept = self._read_disk()
            new = {
                name: structs.replace(
                    one,
                    current=one.current and self._rotated(name, one.current),
                    previous=one.previous and self._rotated(name, one.previous),
                )
                for name, one in kept.items()
            }
            if new:
                disk.write_atomic(self.file, msgspec.json.encode(new))
        return sum(bool(one.current) + bool(one.previous) for one in new.values())

    def _seal(self, sealed: _Sealed) -> str:
        hide(secrets_in(sealed.token))
        return self.cipher.encrypt(msgspec.json.encode(sealed)).decode()

    def _open(self, service: str, text: str) -> _Sealed:
        try:
            sealed = msgspec.json.decode(self.cipher.decrypt(text), type=_Sealed)
        except (InvalidToken, msgspec.DecodeError) as error:
            raise ConfigurationError(
                f"The stored {service} sign-in cannot be decrypted.",
                "Give the key it was stored with in HOURSTREAM_SECRET_KEY, or connect again.",
            ) from error
        if (sealed.connection, sealed.service) != (self.keys.connection, service):
            raise ConfigurationError(
                f"The stored {service} sign-in belongs to {sealed.service} of the connection {sealed.connection}.",
                f"Connect {service} again.",
            )
        hide(secrets_in(sealed.token))
        return sealed

    async def _on_disk(self, service: str) -> _Kept:
        return (await asyncio.to_thread(self._read_disk)).get(service, _Kept())

    def _read_disk(self) -> dict[str, _Kept]:
        content = disk.read_bytes(self.file)
        try:
            return msgspec.json.decode(content, type=dict[str, _Kept]) if content else {}
        except msgspec.DecodeError as error:
            log.warning("copy of the tokens on disk is unreadable", file=str(self.file), error=str(error))
            return {}

    async def _copy_to_disk(self, service: str, sealed: str, fence: int) -> bool:
        try:
            await asyncio.to_thread(self._write_disk, service, sealed, fence)
        except OSError as error:
            log.warning("token not copied to disk", service=service, file=str(self.file), error=str(error))
            return False
        return True

    def _write_disk(self, service: str, sealed: str | None, fence: int = 0) -> None:
        with disk.locked(self.file.with_suffix(".lock")):
            kept = self._read_disk()
            before = kept.get(service)
            kept[service] = _Kept(fence=fence) if sealed is None else self._following(service, before, sealed, fence)
            disk.write_atomic(self.file, msgspec.json.encode(kept))

    def _following(self, service: str, before: _Kept | None, sealed: str, fence: int) -> _Kept:
        if before is None or not before.current:
            return before if before and before.fence > fence else _Kept(sealed)
        try:
            later = self._open(service, before.current).fence > fence
        except ConfigurationError:
            return _Kept(sealed)  # what cannot be read is replaced: a person has just connected again
        return before if later else _Kept(sealed, before.current)
