"""One HTTP call to the org: session, headers, deadline, one renewal of the session, and repeats where they are right.

aiohttp repeats a dropped GET once by itself, a PATCH never: what is written twice is decided here.
"""

from asyncio import timeout
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import NamedTuple, TypeVar
from urllib.parse import urlsplit

import aiohttp
import stamina
from yarl import URL

from worker.limits import Limits
from worker.proxies import Request
from worker.salesforce.auth import Session, TokenKeeper
from worker.salesforce.errors import Unreachable, worth_repeating
from worker.salesforce.refusals import refusal
from worker.salesforce.wire import Answer, ApiUsage, api_usage, http_date, read

CLIENT = "hourstream"  # stands in the changeOrigin of every change event that a write of ours causes
READS = 3  # a count: how often a read is tried
WRITES = 2  # a count: how often a write that may be repeated is sent
AT_ONCE = 8  # connections; an org allows 25 long requests at a time, a developer edition 5

HEADERS = {
    "Accept": "application/json",
    "Accept-Encoding": "gzip",
    "Sforce-Call-Options": f"client={CLIENT}",
}

Shape = TypeVar("Shape")
Result = TypeVar("Result")


class _Raw(NamedTuple):
    status: int
    body: bytes
    date: datetime | None


@asynccontextmanager
async def http_session(limits: Limits) -> AsyncIterator[aiohttp.ClientSession]:
    """The HTTP client that logins and calls share. Each call has its deadline; connecting has a third of one."""
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=AT_ONCE),
        request_class=Request,
        headers=HEADERS,
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=limits.read_request / 3),
        cookie_jar=aiohttp.DummyCookieJar(),
    ) as http:
        yield http


class Transport:
    """Makes calls; knows the usage and the clock that Salesforce told last."""

    def __init__(self, http: aiohttp.ClientSession, keeper: TokenKeeper, limits: Limits, version: str) -> None:
        self._http = http
        self._keeper = keeper
        self._limits = limits
        self.root = f"/services/data/v{version}"
        self.usage: ApiUsage | None = None
        self.server_date: datetime | None = None

    async def session(self) -> Session:
        """The session in use, or a new one. Raises as `TokenKeeper.renew`."""
        return await self._repeating(self._keeper.session, READS, worth_repeating, "sign in", self._limits.token_lock)

    async def get(self, path: str, asked: str, shape: type[Shape], query: str = "") -> Answer[Shape]:
        """Read a path of the org; repeated after network errors, overload and locks, all within one deadline.

        `query` is encoded already; `asked` says what is asked, for people: "query TimeEntry__c".

        Raises:
            SalesforceError: its `action` says what to do.
        """
        target = f"{path}?{query}" if query else path

        async def once() -> Answer[Shape]:
            return await self._with_session("GET", target, asked, shape)

        return await self._repeating(once, READS, worth_repeating, asked, self._limits.read_request)

    async def patch(self, path: str, asked: str, shape: type[Shape], body: bytes) -> Answer[Shape]:
        """Send a write that says the same however often it arrives; sent once more when its connection broke.

        Raises:
            SalesforceError: `Unreachable` and `UnexpectedAnswer` leave open whether it happened.
        """

        async def once() -> Answer[Shape]:
            return await self._with_session("PATCH", path, asked, shape, body)

        return await self._repeating(once, WRITES, _broken, asked, self._limits.request)

    async def _repeating(
        self,
        call: Callable[[], Awaitable[Result]],
        attempts: int,
        on: Callable[[Exception], bool],
        asked: str,
        deadline: float,
    ) -> Result:
        base = self._limits.backoff_base
        tries = stamina.retry_context(
            on, attempts=attempts, timeout=None, wait_initial=base / 8, wait_max=base, wait_jitter=base / 8
        )
        try:
            async with timeout(deadline):
                async for attempt in tries:
                    with attempt:
                        return await call()
        except TimeoutError:
            raise Unreachable(f"Salesforce did not answer within {deadline:g} s when asked to {asked}.") from None
        raise AssertionError("the last attempt returns or raises")

    async def _with_session(
        self, method: str, target: str, asked: str, shape: type[Shape], body: bytes | None = None
    ) -> Answer[Shape]:
        session = await self._keeper.session()
        raw = await self._once(session, method, target, body)
        if raw.status == 401:  # refused before anything was done, so a write may be sent again too
            session = await self._keeper.renew(session)
            raw = await self._once(session, method, target, body)
        if not 200 <= raw.status < 300:
            raise refusal(raw.status, raw.body, asked)
        return Answer(await read(raw.status, raw.body, shape), raw.date)

    async def _once(self, session: Session, method: str, target: str, body: bytes | None) -> _Raw:
        url = URL(f"{session.instance_url}{target}", encoded=True)
        headers = {"Authorization": f"Bearer {session.access_token}"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        try:
            async with self._http.request(method, url, headers=headers, data=body, allow_redirects=False) as response:
                raw = _Raw(response.status, await response.read(), http_date(response.headers.get("Date")))
        except (aiohttp.ClientError, OSError) as error:
            raise _no_answer(session, error) from error
        self.server_date = raw.date or self.server_date
        self.usage = api_usage(response.headers.get("Sforce-Limit-Info")) or self.usage
        return raw


def _broken(error: Exception) -> bool:
    return isinstance(error, Unreachable)


def _no_answer(session: Session, error: Exception) -> Unreachable:
    host = urlsplit(session.instance_url).netloc
    return Unreachable(
        f"Salesforce at {host} gave no answer ({type(error).__name__}).", "Check this machine's way to the internet."
    )
