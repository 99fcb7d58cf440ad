"""The stand-in's OAuth: registered apps, consent codes, rotating refresh tokens, signed access tokens, connections."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import jwt
from jwt.types import Options

from sandbox.clock import Clock
from sandbox.signing import at_hash, signed
from sandbox.xero.people import USERS, XeroUser

SERVICE = "xero"
ACCESS_SECONDS = 1800
CODE_SECONDS = 300
ID_SECONDS = 300
GRACE_SECONDS = 1800
REFRESH_DAYS = 60

_UNTIMED: Options = {"verify_exp": False, "verify_nbf": False, "verify_iat": False, "verify_aud": False}

SCOPES = frozenset(
    {
        "openid",
        "profile",
        "email",
        "offline_access",
        *(
            f"accounting.{area}{suffix}"
            for area in ("invoices", "contacts", "payments", "settings", "attachments")
            for suffix in ("", ".read")
        ),
    }
)


def connecting(scopes: Iterable[str]) -> bool:
    """Whether these scopes reach the company; the others only say who the person is."""
    return any(scope.startswith("accounting.") for scope in scopes)


class OAuthError(Exception):
    """What the token endpoint answers: an error code of RFC 6749, with status 400."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass
class App:
    """A registered app. `grant` is client_credentials (custom connection) or authorization_code (web app).

    Without `redirect_uris` any address that Xero would allow to be registered is taken.
    """

    client_id: str
    client_secret: str
    name: str
    grant: str
    scopes: frozenset[str] = SCOPES
    redirect_uris: frozenset[str] = frozenset()

    def may_redirect_to(self, uri: str) -> bool:
        """Xero takes https addresses and http://localhost; 127.0.0.1 is refused."""
        allowed = uri.startswith(("https://", "http://localhost:", "http://localhost/"))
        return allowed and (not self.redirect_uris or uri in self.redirect_uris)


@dataclass(frozen=True)
class Session:
    """What a valid access token stands for."""

    client_id: str
    grant: str
    scopes: frozenset[str]
    auth_event: str


@dataclass(frozen=True)
class Connection:
    """An app's access to the company."""

    id: str
    client_id: str
    auth_event: str
    created: datetime
    updated: datetime


@dataclass(frozen=True)
class _Grant:
    client_id: str
    scopes: frozenset[str]
    auth_event: str
    expires: datetime
    redirect_uri: str = ""
    used: datetime | None = None
    user: XeroUser = USERS[0]
    nonce: str = ""


@dataclass
class Tokens:
    """All tokens and connections of the company."""

    clock: Clock
    apps: dict[str, App] = field(default_factory=dict)
    connections: dict[str, Connection] = field(default_factory=dict)
    key: str = field(default_factory=lambda: secrets.token_hex(32))
    issuer: str = "https://identity.xero.com"
    _codes: dict[str, _Grant] = field(default_factory=dict)
    _refresh: dict[str, _Grant] = field(default_factory=dict)
    _revoked: set[str] = field(default_factory=set)
    _generation: int = 0

    def expire_access(self) -> None:
        """Every access token given so far has expired."""
        self._generation += 1

    def app(self, client_id: str, client_secret: str | None) -> App:
        """The app that authenticates itself. Raises OAuthError."""
        app = self.apps.get(client_id)
        if app is None or not secrets.compare_digest(app.client_secret, client_secret or ""):
            raise OAuthError("invalid_client")
        return app

    def checked_scopes(self, app: App, scope: str) -> frozenset[str]:
        """The scopes asked for; none means all of the app's. Raises OAuthError for one the app cannot have."""
        wanted = frozenset(scope.split()) or app.scopes - {"offline_access", "openid", "profile", "email"}
        if not wanted <= app.scopes:
            raise OAuthError("invalid_scope")
        return wanted

    def client_credentials(self, app: App, scope: str) -> dict[str, Any]:
        """A token for a custom connection: its app is connected to this company only."""
        if app.grant != "client_credentials":
            raise OAuthError("unauthorized_client")
        scopes = self.checked_scopes(app, scope)
        connection = next((one for one in self.connections.values() if one.client_id == app.client_id), None)
        if connection is None:
            raise OAuthError("unauthorized_client")
        return self._access(app, scopes, connection.auth_event)

    def consent(self, app: App, redirect_uri: str, scope: str, user: XeroUser = USERS[0], nonce: str = "") -> str:
        """A person allows the app in: answers the code. It connects the company unless it asks only who they are."""
        scopes = self.checked_scopes(app, scope)
        code, event = secrets.token_urlsafe(32), str(uuid4())
        expires = self.clock.now() + timedelta(seconds=CODE_SECONDS)
        self._codes[code] = _Grant(app.client_id, scopes, event, expires, redirect_uri, user=user, nonce=nonce)
        if connecting(scopes):
            self.connect(app.client_id, event)
        return code

    def connect(self, client_id: str, auth_event: str = "") -> Connection:
        """Connect the company to an app, or renew its connection."""
        now = self.clock.now()
        old = next((one for one in self.connections.values() if one.client_id == client_id), None)
        event = auth_event or str(uuid4())
        connection = (
            Connection(str(uuid4()), client_id, event, now, now)
            if old is None
            else replace(old, auth_event=event, updated=now)
        )
        self.connections[connection.id] = connection
        return connection

    def exchange_code(self, app: App, code: str, redirect_uri: str) -> dict[str, Any]:
        """Tokens for a code, once, within 5 minutes. Raises OAuthError."""
        grant = self._codes.pop(code, None)
        if grant is None or grant.client_id != app.client_id or grant.expires < self.clock.now():
            raise OAuthError("invalid_grant")
        if grant.redirect_uri != redirect_uri:
            raise OAuthError("invalid_grant")
        return self._full_answer(app, grant)

    def refresh(self, app: App, token: str) -> dict[str, Any]:
        """New tokens; the refresh token used may be tried again for 30 minutes, as an answer can get lost."""
        grant = self._refresh.get(token)
        now = self.clock.now()
        if grant is None or grant.client_id != app.client_id or grant.expires < now:
            raise OAuthError("invalid_grant")
        if grant.used is not None and now - grant.used > timedelta(seconds=GRACE_SECONDS):
            raise OAuthError("invalid_grant")
        self._refresh[token] = replace(grant, used=grant.used or now)
        return self._full_answer(app, grant)

    def revoke(self, app: App, token: str) -> None:
        """Revoke a refresh token with everything that came from it, and the app's connections."""
        grant = self._refresh.get(token)
        if grant is None or grant.client_id != app.client_id:
            return
        self._revoked.add(grant.auth_event)
        self._refresh = {key: one for key, one in self._refresh.items() if one.client_id != app.client_id}
        self.connections = {key: one for key, one in self.connections.items() if one.client_id != app.client_id}

    def session(self, bearer: str) -> tuple[Session, datetime]:
        """The session of an access token and when it ends, also when that is past. Raises jwt.InvalidTokenError."""
        # Expiry is ours to tell: by the stand-in's clock, with Xero's words.
        claims = jwt.decode(bearer, self.key, algorithms=["HS256"], options=_UNTIMED)
        if claims["authentication_event_id"] in self._revoked:
            raise jwt.InvalidTokenError("revoked")
        app = self.apps[claims["client_id"]]
        session = Session(app.client_id, app.grant, frozenset(claims["scope"]), claims["authentication_event_id"])
        ends = datetime.fromtimestamp(claims["exp"], UTC)
        return session, ends if claims["generation"] == self._generation else min(ends, self.clock.now())

    def connection_of(self, session: Session) -> Connection | None:
        """The connection a session works through, if there still is one."""
        return next((one for one in self.connections.values() if one.client_id == session.client_id), None)

    def _full_answer(self, app: App, grant: _Grant) -> dict[str, Any]:
        answer = self._access(app, grant.scopes, grant.auth_event)
        if "offline_access" in grant.scopes:
            token = secrets.token_urlsafe(48)
            expires = self.clock.now() + timedelta(days=REFRESH_DAYS)
            self._refresh[token] = replace(grant, expires=expires, used=None)
            answer["refresh_token"] = token
        if "openid" in grant.scopes:
            answer["id_token"] = self._id_token(app, grant, answer["access_token"])
        return answer

    def _id_token(self, app: App, grant: _Grant, access_token: str) -> str:
        """Who signed in. Source: Xero, "Sign in with Xero"; names and address only with their scopes."""
        now, user = int(self.clock.now().timestamp()), grant.user
        claims = {
            "iss": self.issuer,
            "aud": app.client_id,
            "nbf": now,
            "iat": now,
            "exp": now + ID_SECONDS,
            "auth_time": now,
            "at_hash": at_hash(access_token),
            "sub": user.id.replace("-", ""),
            "xero_userid": user.id,
            "global_session_id": grant.auth_event,
        }
        names = {"given_name": user.given_name, "family_name": user.family_name, "preferred_username": user.email}
        claims |= names if "profile" in grant.scopes else {}
        claims |= {"email": user.email} if "email" in grant.scopes else {}
        return signed(SERVICE, claims | ({"nonce": grant.nonce} if grant.nonce else {}))

    def _access(self, app: App, scopes: frozenset[str], auth_event: str) -> dict[str, Any]:
        claims = {
            "client_id": app.client_id,
            "scope": sorted(scopes),
            "jti": uuid4().hex,
            "generation": self._generation,
            "authentication_event_id": auth_event,
        }
        return {
            "access_token": self._signed(claims, ACCESS_SECONDS),
            "expires_in": ACCESS_SECONDS,
            "token_type": "Bearer",
            "scope": " ".join(sorted(scopes)),
        }

    def _signed(self, claims: dict[str, Any], seconds: int) -> str:
        now = int(self.clock.now().timestamp())
        stamped = claims | {"iss": "https://identity.example", "nbf": now, "iat": now, "exp": now + seconds}
        return jwt.encode(stamped, self.key, algorithm="HS256")
