"""What the store asks of the server it is given, looked at once at start.

What would lose or evict time is refused with the remedy; what is only weaker than it could be becomes a sentence that
says what is at risk. Managed services that keep CONFIG to themselves are judged by INFO, as far as that goes.
"""

from typing import Any

from msgspec import Struct
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, NoPermissionError, RedisError, ResponseError

from worker.errors import ConfigurationError, ServiceError
from worker.store.connection import open_redis

LEAST_VERSION = 7  # scripts with flags (`#!lua`)


class Durability(Struct, frozen=True, kw_only=True):
    """What was found. `policy`, `fsync` are "" where the server does not say; `warnings` are for people."""

    server: str  # "Valkey 9.1.2"
    policy: str
    append_only: bool
    fsync: str
    warnings: tuple[str, ...] = ()


async def check_server(url: str, *, within: float = 5.0) -> Durability:
    """Look at the server behind `url` with one attempt per command (a client of ours would wait for it for minutes).

    `within` is seconds for each answer. Raises `ServiceError` when it cannot be reached, else as `check`.
    """
    redis = open_redis(url, retry=Retry(NoBackoff(), 0), retry_on_error=[], socket_timeout=within)
    try:
        return await check(redis)
    except (RedisError, OSError) as error:
        if isinstance(error, AuthenticationError) or isinstance(error.__cause__, AuthenticationError):
            raise ConfigurationError("Redis refuses the user or password.", "Correct them in REDIS_URL.") from error
        raise ServiceError(
            f"Redis at {without_password(url)} cannot be reached: {str(error).rstrip('.')}.",
            "Start it, or set REDIS_URL; without one, `hourstream up` starts an embedded server.",
        ) from error
    finally:
        await redis.aclose()


async def check(redis: Redis) -> Durability:
    """Look at the server of a client that decodes. Raises `ConfigurationError` for what cannot be worked with."""
    info: dict[str, Any] = await redis.info()
    refuse_unusable(info)
    config = await _config(redis)
    policy = config.get("maxmemory-policy") or str(info.get("maxmemory_policy", ""))
    _refuse_eviction(policy)
    append_only = config["appendonly"] == "yes" if "appendonly" in config else bool(info.get("aof_enabled"))
    fsync = config.get("appendfsync", "") if append_only else ""
    return Durability(
        server=_name(info),
        policy=policy,
        append_only=append_only,
        fsync=fsync,
        warnings=tuple(_warnings(policy, append_only, fsync)),
    )


def without_password(url: str) -> str:
    """The address without user and password, for messages."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"


async def _config(redis: Redis) -> dict[str, str]:
    try:
        found = await redis.config_get("maxmemory-policy", "appendonly", "appendfsync")  # type: ignore[arg-type]  # redis-py asks for lists
        return {name: str(value) for name, value in found.items()}
    except (ResponseError, NoPermissionError):
        return {}


def _name(info: dict[str, Any]) -> str:
    valkey = info.get("valkey_version")
    return f"Valkey {valkey}" if valkey else f"Redis {info.get('redis_version', '?')}"


def refuse_unusable(info: dict[str, Any]) -> None:
    """Raise `ConfigurationError` for a server, by its INFO, that the store cannot work on at all."""
    if int(str(info.get("redis_version", "0")).split(".")[0]) < LEAST_VERSION:
        raise ConfigurationError(
            f"{_name(info)} is too old: version {LEAST_VERSION} is needed.",
            f"Install Redis or Valkey {LEAST_VERSION} or newer, or unset REDIS_URL to use the embedded server.",
        )
    if int(info.get("cluster_enabled", 0)):
        raise ConfigurationError(
            "REDIS_URL points at a Redis Cluster, whose nodes hold only a part of the keys each.",
            "Use a single server, or one with replicas watched by Sentinel (redis+sentinel://…).",
        )
    if info.get("role") == "slave":
        raise ConfigurationError(
            "REDIS_URL points at a read-only replica.",
            "Point it at the primary, or use redis+sentinel://… to follow the primary.",
        )


def _refuse_eviction(policy: str) -> None:
    if policy and policy != "noeviction":
        raise ConfigurationError(
            f"Redis would throw away time and invoices when its memory is full (maxmemory-policy is {policy}).",
            "Set it to noeviction: `redis-cli CONFIG SET maxmemory-policy noeviction`, and in redis.conf.",
        )


def _warnings(policy: str, append_only: bool, fsync: str) -> list[str]:
    if not append_only:
        found = (
            "Redis keeps no append-only file: when it stops, everything since its last snapshot is forgotten and must "
            "be rebuilt from Salesforce and Xero, and a Xero sign-in renewed since then is lost. Set "
            "appendonly yes and appendfsync always."
        )
    elif fsync and fsync != "always":
        found = (
            f"Redis flushes to disk only now and then (appendfsync is {fsync}): a power cut can lose what it "
            "acknowledged in the last seconds, which must then be rebuilt, and a Xero sign-in renewed in them is "
            "lost. Set appendfsync always."
        )
    elif not fsync:
        found = (
            "This Redis does not say how often it flushes to disk. Make sure that appendfsync is always: with everysec "
            "a power cut can lose the last seconds."
        )
    else:
        found = ""
    unknown = "" if policy else "This Redis does not say its maxmemory-policy. Make sure that it is noeviction."
    return [text for text in (found, unknown) if text]
