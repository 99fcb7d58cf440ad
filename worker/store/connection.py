"""How a client of the store is built: deadlines, keep-alive, retries and host-name checks that redis-py 5 leaves out.

A call that times out may have been executed: every script of ours is safe to repeat.
"""

from typing import Any
from urllib.parse import unquote, urlsplit

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel
from redis.backoff import ExponentialBackoff
from redis.exceptions import BusyLoadingError, ConnectionError, RedisError, TimeoutError

from worker.store.transport import make_cancellable

__all__ = ["RETRY_ON", "RedisError", "client_options", "open_redis"]

# Without OSError a restart of Redis ends the worker: redis-py's asyncio connect raises it unwrapped.
RETRY_ON = [ConnectionError, TimeoutError, BusyLoadingError, OSError]


def client_options(url: str) -> dict[str, Any]:
    """Connection options every client of ours has, whatever its class. Times are seconds."""
    options: dict[str, Any] = {
        "socket_timeout": 5,
        "retry": Retry(ExponentialBackoff(cap=1, base=0.1), 30),
        "retry_on_error": RETRY_ON,
        "health_check_interval": 15,
    }
    if not url.startswith("unix://"):
        options |= {"socket_connect_timeout": 5, "socket_keepalive": True}
    if url.startswith("rediss://"):
        options["ssl_check_hostname"] = True
    return options


def open_redis(url: str, *, decode: bool = True, client: type[Redis] = Redis, **extra: Any) -> Redis:
    """A client for `redis://`, `rediss://`, `unix://` or `redis+sentinel://host:port,host:port/service/0`."""
    options = client_options(url) | {"decode_responses": decode} | extra
    made: Redis = (
        _sentinel(url, client, options) if url.startswith("redis+sentinel://") else client.from_url(url, **options)
    )
    make_cancellable(made)
    return made


def _sentinel(url: str, client: type[Redis], options: dict[str, Any]) -> Redis:
    parts = urlsplit(url.replace("redis+sentinel://", "redis://", 1))
    hosts, _, service_and_db = url.removeprefix("redis+sentinel://").partition("/")
    credentials, _, host_list = hosts.rpartition("@")
    service, _, database = service_and_db.partition("/")
    if credentials:
        user, _, password = credentials.partition(":")
        options |= {"username": unquote(user) or None, "password": unquote(password)}
    sentinels = [(host, int(port or 26379)) for host, _, port in (item.partition(":") for item in host_list.split(","))]
    assert parts.scheme == "redis"
    sentinel = Sentinel(sentinels, **({"db": int(database or 0)} | options))  # type: ignore[no-untyped-call]  # redis-py
    made: Redis = sentinel.master_for(service, redis_class=client)
    return made
