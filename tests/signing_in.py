"""A person in front of the stand-ins' consent pages, who says yes: what comes back to the console's callback."""

from collections.abc import Mapping
from urllib.parse import parse_qs, urlsplit

import aiohttp

from sandbox.salesforce.org import API_USER_ID
from sandbox.serve import Running


async def allow(stand: Running, url: str) -> tuple[str, str]:
    """Follow the address that the product made; gives `code` and `state` as the callback gets them."""
    asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    async with aiohttp.ClientSession() as http, http.get(url, allow_redirects=False) as page:
        assert page.status < 400, await page.text()
    code = _xero(stand, asked) if "/identity/" in url else _salesforce(stand, asked)
    return code, asked["state"]


def _xero(stand: Running, asked: Mapping[str, str]) -> str:
    tokens = stand.xero.tokens
    return tokens.consent(tokens.apps[asked["client_id"]], asked["redirect_uri"], asked["scope"])


def _salesforce(stand: Running, asked: Mapping[str, str]) -> str:
    return stand.salesforce.sessions.consents.allow(API_USER_ID, asked)
