"""Which addresses are accepted, and which of them are on this machine.

The functions return the address in its plain form or raise `ValueError` with the problem and the remedy; the text never
repeats the address, which may hold a password.
"""

from __future__ import annotations

import binascii
import ipaddress
from base64 import urlsafe_b64decode
from urllib.parse import urlsplit

from pydantic import SecretStr

_REDIS_SCHEMES = ("redis", "rediss", "unix", "redis+sentinel")
_REDIS_REMEDY = (
    "Write redis://host:6379/0, rediss://host:6379/0, unix:///path/to/socket "
    "or redis+sentinel://host:26379,host:26379/service/0."
)


def is_loopback_host(host: str) -> bool:
    """Whether a host name or IP address is this machine's own."""
    name = host.strip("[]").rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def is_loopback(address: str) -> bool:
    """Whether an URL, a `host:port` or a Unix socket is on this machine; of a list of hosts every one must be."""
    scheme, divider, rest = address.partition("://")
    if scheme == "unix" and divider:
        return True
    hosts = (rest if divider else address).partition("/")[0].rpartition("@")[2].split(",")
    return all(is_loopback_host(_host(item)) for item in hosts)


def _host(item: str) -> str:
    if item.startswith("["):
        return item.partition("]")[0][1:]
    return item if item.count(":") > 1 else item.partition(":")[0]


def web_url(value: str) -> str:
    """An `https://` address, or `http://` on this machine, without a slash at its end."""
    remedy = "Write it like https://example.com."
    try:
        parts = urlsplit(value)
        port_is_bad = parts.port == 0
    except ValueError:
        raise ValueError(f"is no web address. {remedy}") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or port_is_bad:
        raise ValueError(f"is no web address. {remedy}")
    if parts.scheme == "http" and not is_loopback_host(parts.hostname):
        raise ValueError("begins with http://, which is accepted for this machine only. Write https://.")
    return value.rstrip("/")


def host_and_port(value: str) -> str:
    """`host:port`, as gRPC wants its targets."""
    host, _, port = value.rpartition(":")
    if not host or "/" in host or not port.isdecimal() or not 1 <= int(port) <= 65_535:
        raise ValueError("is no host:port. Write it like api.pubsub.salesforce.com:7443.")
    return value


def redis_url(value: str) -> str:
    """An address of Redis or Valkey in one of the four forms."""
    scheme, divider, rest = value.partition("://")
    if not divider or scheme not in _REDIS_SCHEMES:
        raise ValueError(f"is no address of Redis. {_REDIS_REMEDY}")
    check = {"unix": _unix_socket, "redis+sentinel": _sentinels}.get(scheme, _single)
    check(rest)
    return value


def _unix_socket(rest: str) -> None:
    if "/" not in rest.partition("?")[0]:
        raise ValueError(f"names no socket. {_REDIS_REMEDY}")


def _single(rest: str) -> None:
    try:
        parts = urlsplit(f"redis://{rest}")
        port = parts.port
    except ValueError:
        raise ValueError(f"has no valid host and port. {_REDIS_REMEDY}") from None
    database = parts.path.strip("/")
    if not parts.hostname or port == 0 or (database and not database.isdecimal()):
        raise ValueError(f"has no valid host, port and database number. {_REDIS_REMEDY}")


def _sentinels(rest: str) -> None:
    hosts, _, service_and_database = rest.partition("/")
    service, _, database = service_and_database.partition("/")
    if not service or (database and not database.isdecimal()):
        raise ValueError(f"names no Sentinel service (and database number). {_REDIS_REMEDY}")
    for item in hosts.rpartition("@")[2].split(","):
        host, _, port = item.partition(":")
        if not host or (port and not port.isdecimal()):
            raise ValueError(f"has a Sentinel that is no host:port. {_REDIS_REMEDY}")


def fernet_keys(value: SecretStr) -> SecretStr:
    """One or more Fernet keys, comma-separated: each 32 bytes in URL-safe base64."""
    for key in value.get_secret_value().split(","):
        try:
            size = len(urlsafe_b64decode(key.strip()))
        except (binascii.Error, ValueError):
            size = 0
        if size != 32:
            raise ValueError(
                "holds a key that is not a Fernet key (32 bytes in URL-safe base64). "
                "Leave it out and `hourstream up` makes one in HOURSTREAM_DATA/secret.key."
            )
    return value
