"""The session: one login at a time, shared by all tasks of a process and by all processes of a deployment.

A token answer has no lifetime, so a session is used until Salesforce refuses it (401 INVALID_SESSION_ID). Then whoever
comes first renews it, and a newer one that a sibling process stored is used before a new login is made.
"""

import asyncio
import time
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

import aiohttp

from worker import addresses
from worker.limits import Limits
from worker.salesforce.errors import LoginRefused, SalesforceError, UnexpectedAnswer, Unreachable
from worker.salesforce.flows import Flow, WebServer, following, signs_in
from worker.salesforce.ids import id18
from worker.salesforce.logins import login_refusal
from worker.salesforce.wire import decode

SERVICE: Final = "salesforce"


@dataclass(frozen=True, slots=True)
class Session:
    """What calls are made with. `org_id` has 18 characters; `instance_url` is the host that serves the org now."""

    access_token: str = field(repr=False)
    instance_url: str
    org_id: str
    user_id: str = ""


class TokenStore(Protocol):
    """Where the processes of a deployment keep their tokens; `worker.store` has the encrypted one."""

    async def get(self, service: str) -> dict[str, Any] | None:
        """What was put last, or None."""

    async def put(self, service: str, token: dict[str, Any], held: Any, /) -> bool:
        """Keep this one, under the lock that `held` stands for. False: a later holder has put another."""
        ...

    def lock(self, service: str) -> AbstractAsyncContextManager[Any]:
        """Held by one process at a time, given up by itself when its holder dies; gives what `put` is to be told."""
        ...


class MemoryTokens:
    """A token store of one process, for commands that must work without Redis."""

    def __init__(self) -> None:
        self._tokens: dict[str, dict[str, Any]] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    async def get(self, service: str) -> dict[str, Any] | None:
        """What was put last, or None."""
        return self._tokens.get(service)

    async def put(self, service: str, token: dict[str, Any], held: Any = None, /) -> bool:
        """Keep this one."""
        self._tokens[service] = token
        return True

    def lock(self, service: str) -> AbstractAsyncContextManager[None]:
        """Held by one task at a time."""
        return self._locks.setdefault(service, asyncio.Lock())


class TokenKeeper:
    """Hands out the current session and renews it, once, however many ask."""

    def __init__(self, flow: Flow, tokens: TokenStore, http: aiohttp.ClientSession, limits: Limits) -> None:
        self._flow = flow
        self._tokens = tokens
        self._http = http
        self._limits = limits
        self._lock = asyncio.Lock()
        self._renewals = 0
        self._dead = ""  # the last token that Salesforce refused
        self._failure: SalesforceError | None = None
        self.current: Session | None = None

    async def session(self) -> Session:
        """The session in use, a sibling's, or a new one. Raises as `renew`."""
        return self.current or await self.renew(None)

    async def renew(self, stale: Session | None) -> Session:
        """A session other than `stale`.

        Those who wait while another task renews take its result, good or bad: a refused login is not repeated for
        each of them.

        Raises:
            LoginRefused: Salesforce does not let us in; a person must act.
            SalesforceError: no answer, or one that makes no sense; trying later may work.
        """
        seen = self._renewals
        try:
            async with asyncio.timeout(self._limits.token_lock), self._lock:
                if self.current is not None and self.current != stale:
                    return self.current
                if self._failure is not None and self._renewals != seen:
                    raise self._failure.with_traceback(None)
                return await self._renew_once(stale)
        except TimeoutError:
            raise Unreachable(f"Salesforce gave no session within {self._limits.token_lock:g} s.") from None

    async def _renew_once(self, stale: Session | None) -> Session:
        self.current, self._failure = None, None
        self._dead = stale.access_token if stale else self._dead
        try:
            self.current = await self._shared() or await self._locked()
        except SalesforceError as error:
            self._failure = error
            raise
        finally:
            self._renewals += 1
        return self.current

    async def _locked(self) -> Session:
        async with self._tokens.lock(SERVICE) as held:
            return await self._shared() or await self._login(held)

    async def _shared(self) -> Session | None:
        """A sibling's session, when it is of the same identity and not the one that was refused."""
        stored = await self._tokens.get(SERVICE)
        if not stored or stored.get("identity") != following(self._flow, stored).identity:
            return None
        session = session_from(stored)
        return None if session.access_token == self._dead else session

    async def _login(self, held: Any) -> Session:
        stored = await self._tokens.get(SERVICE)
        flow = following(self._flow, stored)
        answer = await asked(self._http, flow.login_url, flow.form(stored))
        session = session_from(answer)
        before = stored if isinstance(flow, WebServer) else None
        if await self._tokens.put(SERVICE, kept(answer, flow.identity, before), held):
            return session
        # The lock ran out while Salesforce took its time, and another process has signed in since.
        return await self._shared() or session

    def forget(self) -> None:
        """Look at what is stored before the next call: somebody connected, or disconnected, meanwhile."""
        self.current = None

    async def replaced(self) -> bool:
        """Whether a session was stored since this process used one, which it has not tried yet."""
        stored, used = await self._tokens.get(SERVICE), self.current.access_token if self.current else self._dead
        return bool(stored and used) and (stored or {}).get("access_token") != used

    async def signs_in(self) -> bool:
        """Whether the session comes from a person's connection."""
        return signs_in(self._flow, await self._tokens.get(SERVICE))

    async def keep_alive(self, older: float) -> bool:
        """Refresh a person's connection that was not used for `older` seconds, so that the app's policy does not let it
        lapse. Says whether it was.

        Raises as `renew`.
        """
        stored = await self._tokens.get(SERVICE)
        flow = following(self._flow, stored)
        if not stored or not isinstance(flow, WebServer) or not flow.connected(stored):
            return False
        if time.time() - float(stored.get("refreshed_at", 0)) <= older:
            return False
        await self.renew(session_from(stored))
        return True


async def asked(http: aiohttp.ClientSession, login_url: str, form: Mapping[str, str]) -> Mapping[str, Any]:
    """The token endpoint's answer.

    Raises:
        LoginRefused: Salesforce does not let us in.
        SalesforceError: no answer, or one that makes no sense.
    """
    url = f"{login_url}/services/oauth2/token"
    try:
        async with http.post(url, data=dict(form), allow_redirects=False) as response:
            status, body = response.status, await response.read()
    except (aiohttp.ClientError, OSError) as error:
        raise Unreachable(
            f"Salesforce's login at {urlsplit(url).netloc} cannot be reached ({type(error).__name__}).",
            "Check SALESFORCE_LOGIN_URL and this machine's way to the internet.",
        ) from error
    if status != 200:
        raise login_refusal(status, body)
    try:
        answer = decode(body, object)
    except ValueError:
        answer = None
    if not isinstance(answer, Mapping):
        raise UnexpectedAnswer("Salesforce answered a login with something that is no token.", status=status)
    return answer


def kept(answer: Mapping[str, Any], identity: str, before: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What is stored of a token answer. It carries a refresh token only where that is a new one."""
    names = ("access_token", "instance_url", "id", "issued_at", "refresh_token")
    found = {name: answer[name] for name in names if name in answer}
    old = (before or {}).get("refresh_token")
    if old and "refresh_token" not in found:
        found["refresh_token"] = old
    return found | {"identity": identity, "refreshed_at": time.time()}


def session_from(answer: Mapping[str, Any]) -> Session:
    """The session of a token answer: the org from its `id` address (`…/id/<org>/<user>`), the host as answered.

    Raises:
        UnexpectedAnswer: when one of the three is missing.
        LoginRefused: when the token would travel unencrypted.
    """
    try:
        token, instance = str(answer["access_token"]), str(answer["instance_url"])
        org, user = urlsplit(str(answer["id"])).path.rstrip("/").split("/")[-2:]
        org, user = id18(org), id18(user)
    except (KeyError, ValueError):
        raise UnexpectedAnswer("A token answer of Salesforce lacks its token, address or org id.") from None
    try:
        return Session(token, addresses.web_url(instance), org, user)
    except ValueError as error:
        raise LoginRefused(f"The instance_url that Salesforce answered {error}") from None
