"""Sessions and the OAuth token endpoint: client credentials and JWT bearer (Salesforce: OAuth authorization flows)."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import jwt
from jwt.types import Options

from sandbox.salesforce.org import API_USERNAME, Org, Record

CLIENT_ID = "3MVG9hourstreamStandInClientId0000000000000000000000000000000000000000000000000"
CLIENT_SECRET = "stand-in-client-secret-for-loopback-only"
LOGIN_AUDIENCES = ("https://login.salesforce.com", "https://test.salesforce.com")
JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
SCOPE = "api refresh_token offline_access"


class OAuthError(Exception):
    """A refusal of the token endpoint: HTTP 400 with error and error_description."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(f"{error}: {description}")
        self.error = error
        self.description = description


@dataclass
class Session:
    """One live access token."""

    token: str
    user_id: str
    client_id: str
    issued: datetime
    used: datetime


class Sessions:
    """The org's sessions. A login answers the live session's token while there is one, as Salesforce does."""

    def __init__(self, org: Org) -> None:
        self.org = org
        self._live: dict[str, Session] = {}

    def check(self, token: str) -> Session | None:
        """The live session of a token; using it prolongs it."""
        session = self.peek(token)
        if session is not None:
            session.used = self.org.clock.now()
        return session

    def peek(self, token: str) -> Session | None:
        """The live session of a token, without prolonging it."""
        session = self._live.get(token)
        if session is not None and self.expires(session) <= self.org.clock.now():
            del self._live[token]
            return None
        return session

    def expires(self, session: Session) -> datetime:
        """When the session ends unless it is used."""
        since = session.used if self.org.now.session_sliding else session.issued
        return since + timedelta(seconds=self.org.clock.seconds(self.org.now.session_seconds))

    def revoke(self, token: str | None = None) -> int:
        """End one session, or all; answers how many."""
        ended = [token] if token in self._live else list(self._live) if token is None else []
        for item in ended:
            del self._live[item]
        return len(ended)

    def login(self, form: Mapping[str, str], url: str) -> dict[str, str]:
        """The token endpoint's answer. Raises OAuthError."""
        grant = form.get("grant_type", "")
        if grant == "client_credentials":
            user = self._client_credentials(form)
        elif grant == JWT_GRANT:
            user = self._jwt_bearer(form, url)
        else:
            raise OAuthError("unsupported_grant_type", "grant type not supported")
        if self.org.now.login_error:
            raise OAuthError("invalid_grant", self.org.now.login_error)
        return self._answer(self._session(str(user["Id"])), url)

    def _client_credentials(self, form: Mapping[str, str]) -> Record:
        self._check_client(form.get("client_id", ""))
        if form.get("client_secret", "") != CLIENT_SECRET:
            raise OAuthError("invalid_client", "invalid client credentials")
        if not self.org.now.client_credentials_user:
            raise OAuthError("invalid_grant", "no client credentials user enabled")
        return self._user(API_USERNAME)

    def _jwt_bearer(self, form: Mapping[str, str], url: str) -> Record:
        key = self.org.now.jwt_public_key
        if not key:
            raise OAuthError("invalid_client_id", "client identifier invalid")
        audiences = [*LOGIN_AUDIENCES, *([url] if self.org.now.jwt_my_domain else [])]
        checks: Options = {"require": ["iss", "sub", "aud", "exp"], "verify_exp": False, "verify_iat": False}
        try:
            claims = jwt.decode(
                form.get("assertion", ""), key, algorithms=["RS256"], audience=audiences, options=checks
            )
        except jwt.InvalidAudienceError:
            raise OAuthError("invalid_grant", "audience is invalid") from None
        except jwt.PyJWTError:
            raise OAuthError("invalid_grant", "invalid assertion") from None
        self._check_client(str(claims["iss"]))
        left = float(claims["exp"]) - self.org.clock.now().timestamp()
        if left <= 0:
            raise OAuthError("invalid_grant", "expired authorization code")
        if left > 300:
            raise OAuthError("invalid_grant", "invalid assertion")
        return self._user(str(claims["sub"]))

    def _check_client(self, client_id: str) -> None:
        if client_id != CLIENT_ID:
            raise OAuthError("invalid_client_id", "client identifier invalid")

    def _user(self, username: str) -> Record:
        user = self.org.find("User", "Username", username)
        if user is None:
            raise OAuthError("invalid_grant", "user hasn't approved this consumer")
        if not user["IsActive"]:
            raise OAuthError("invalid_grant", "inactive user")
        return user

    def _session(self, user_id: str) -> Session:
        now = self.org.clock.now()
        if self.org.now.same_session:
            for session in list(self._live.values()):
                if session.user_id == user_id and self.check(session.token) is not None:
                    return session
        session = Session(f"{self.org.id[:15]}!AR{secrets.token_urlsafe(60)}", user_id, CLIENT_ID, now, now)
        self._live[session.token] = session
        return session

    def _answer(self, session: Session, url: str) -> dict[str, str]:
        return {
            "access_token": session.token,
            "signature": secrets.token_urlsafe(32),
            "scope": SCOPE,
            "instance_url": url,
            "id": f"{url}/id/{self.org.id}/{session.user_id}",
            "token_type": "Bearer",
            "issued_at": str(int(session.issued.timestamp() * 1000)),
        }
