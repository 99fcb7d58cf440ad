"""A newcomer in front of the Setup pages: a console that knows no app, and both stand-ins behind it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp

from sandbox.clock import Clock
from sandbox.salesforce.auth import CLIENT_ID, CLIENT_SECRET
from sandbox.serve import Ports, running
from sandbox.xero.company import WEB_CLIENT_ID, WEB_CLIENT_SECRET
from tests.console.web.console_support import SECRET, Browser, served
from tests.console.web.test_console_signin import Front
from worker.settings import Settings
from worker.store.store import Store

OWN = {"Host": "localhost:8400", "Sec-Fetch-Site": "same-origin"}
APP = "/setup/connections/app"
SALESFORCE_APP = {"app": "salesforce", "SALESFORCE_CLIENT_ID": CLIENT_ID, "SALESFORCE_CLIENT_SECRET": CLIENT_SECRET}
XERO_APP = {"app": "xero", "XERO_CLIENT_ID": WEB_CLIENT_ID, "XERO_CLIENT_SECRET": WEB_CLIENT_SECRET}


class Newcomer(Front):
    """Types, presses and follows; addresses are the console's own, as a browser has them."""

    async def get(self, path: str) -> tuple[int, str]:
        """A page: status and text, or where it leads."""
        response, text = await self.console.get(path, headers=OWN)
        return response.status, response.headers.get("Location", text)

    async def send(self, path: str, form: dict[str, Any]) -> tuple[int, str]:
        """A form: status and text, or where it leads."""
        url = self.console.url(path)
        async with self.console.http.post(url, data=form, headers=OWN, allow_redirects=False) as response:
            return response.status, response.headers.get("Location", await response.text())

    async def sign_in(self, role: str = "administrator") -> "Newcomer":  # type: ignore[override]  # by a link
        """Use a one-time link."""
        path = await self.console.link(role)  # type: ignore[arg-type]  # a role
        assert (await self.send(path, {}))[0] == 303
        return self

    async def asked(self, service: str) -> dict[str, str]:
        """Press "Connect to …": what the service is asked."""
        status, where = await self.get(f"/oauth/{service}/connect")
        assert status == 303, where
        return {name: value[0] for name, value in parse_qs(urlsplit(where).query).items()}

    async def connect(self, service: str, answer: str = "allow") -> str:
        """Press it, say yes there, come back: the page with what is said."""
        status, where = await self.get(await self.allow(service, await self.asked(service), answer))
        assert (status, where) == (303, "/setup/connections"), where
        return (await self.get(where))[1]

    async def connected(self) -> "Newcomer":
        """Both apps typed, both services connected."""
        for app in (SALESFORCE_APP, XERO_APP):
            assert await self.send(APP, app) == (303, "/setup/connections")
        for service in ("salesforce", "xero"):
            assert "onnected" in await self.connect(service) or service == "xero"
        return self


@asynccontextmanager
async def newcomer(store: Store, settings: Settings, *, seeded: bool = False, **more: Any) -> AsyncIterator[Newcomer]:
    """Both stand-ins and a console that knows where they are, and whatever `more` gives."""
    async with running(Ports(), seeded=seeded, clock=Clock(scale=1)) as stand:
        addresses = {name.lower(): value for name, value in stand.environment.items() if _address(name)}
        data = {"hourstream_data": settings.hourstream_data, "hourstream_secret_key": SECRET}
        runner, port = await served(store, Settings.model_validate(addresses | data | more))
        jar = aiohttp.CookieJar(unsafe=True)
        try:
            async with aiohttp.ClientSession(cookie_jar=jar, timeout=aiohttp.ClientTimeout(total=30)) as http:
                yield Newcomer(Browser(http, port, store), stand)
        finally:
            await runner.cleanup()


def _address(name: str) -> bool:
    return name.endswith(("_URL", "_TARGET", "_TLS")) and not name.startswith("SANDBOX")
