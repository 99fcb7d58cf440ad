"""The way out: which proxy a request goes through. The environment decides, and nothing on this machine is proxied.

aiohttp's own `trust_env` is not used: along with proxies it takes sign-ins out of `.netrc`, and refuses each request
that has an `Authorization` of its own where that file knows the host.
"""

from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
from yarl import URL

from worker.addresses import is_loopback


def proxy_for(address: str) -> str | None:
    """The proxy for a web address, from `HTTPS_PROXY` (of an `http://` address `HTTP_PROXY`) and `NO_PROXY`.

    A proxy is written as an address, or (as curl takes it) as host and port alone.
    """
    parts = urlsplit(address)
    host = parts.netloc.rpartition("@")[2]
    if is_loopback(host) or proxy_bypass(host):
        return None
    found = getproxies().get(parts.scheme, "")
    return found if "://" in found or not found else f"http://{found}"


class Request(aiohttp.ClientRequest):
    """A request that finds its proxy. For each `aiohttp.ClientSession` that leaves this machine, as `request_class`."""

    def __init__(self, method: str, url: URL, *, proxy: URL | None = None, **more: Any) -> None:
        found = None if proxy else proxy_for(str(url))
        super().__init__(method, url, proxy=URL(found) if found else proxy, **more)
