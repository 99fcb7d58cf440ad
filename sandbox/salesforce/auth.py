"""Sessions and the OAuth token endpoint: client credentials, JWT bearer, codes and refresh tokens.

Source: Salesforce Help, "OAuth Authorization Flows".
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import jwt
from jwt.types import Options

from sandbox.salesforce.consents import Approval, Consents
from sandbox.salesforce.errors import OAuthError
from sandbox.salesforce.org import API_USERNAME, Org, Record
from sandbox.signing import at_hash, signed

CLIENT_ID = "3MVG9hourstreamStandInClientId0000000000000000000000000000000000000000000000000"
CLIENT_SECRET = "stand-in-client-secret-for-loopback-only"
LOGIN_AUDIENCES = ("https://login.salesforce.com", "https://test.salesforce.com")
JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
SCOPE = "api refresh_token offline_access"
SERVICE = "salesforce"
ID_SECONDS = 120


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
        self.consents = Consents(org)
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
        """End one session, or all, or a refresh token with its user's sessions; answers how many ended."""
        owner = self.consents.revoke(token) if token else ""
        if owner:
            mine = [session.token for session in self._live.values() if session.user_id == owner]
            return 1 + sum(self.revoke(each) for each in mine)
        ended = [token] if token in self._live else list(self._live) if token is None else []
        for item in ended:
            del self._live[item]
        return len(ended)

    def login(self, form: Mapping[str, str], url: str) -> dict[str, str]:
        """The token endpoint's answer. Raises OAuthError."""
        grant = form.get("grant_type", "")
        if grant in {"authorization_code", "refresh_token"}:
            return self._by_consent(grant, form, url)
        if grant == "client_credentials":
            user = self._client_credentials(form)
        elif grant == JWT_GRANT:
            user = self._jwt_bearer(form, url)
        else:
            raise OAuthError("unsupported_grant_type", "grant type not supported")
        if self.org.now.login_error:
            raise OAuthError("invalid_grant", self.org.now.login_error)
        return self._answer(self._session(str(user["Id"])), url)

    def _by_consent(self, grant: str, form: Mapping[str, str], url: str) -> dict[str, str]:
        self._check_client(form.get("client_id", ""))
        if form.get("client_secret", "") != CLIENT_SECRET:
            raise OAuthError("invalid_client", "invalid client credentials")
        if self.org.now.login_error:
            raise OAuthError("invalid_grant", self.org.now.login_error)
        taken = self.consents.exchanged if grant == "authorization_code" else self.consents.refreshed
        approval, refresh = taken(form)
        if not self.org.tables["User"][approval.user_id]["IsActive"]:
            raise OAuthError("invalid_grant", "inactive user")
        answer = self._answer(self._session(approval.user_id), url) | {"scope": approval.scope}
        if "openid" in approval.scope.split() and grant == "authorization_code":
            answer["id_token"] = self._id_token(approval, answer["access_token"], url)
        return answer | ({"refresh_token": refresh} if refresh else {})

    def _id_token(self, approval: Approval, access_token: str, url: str) -> str:
        """Source: Salesforce Help, "OpenID Connect ID token"; the user's names are not in it but in userinfo."""
        now = int(self.org.clock.now().timestamp())
        claims = {
            "iss": url,
            "sub": f"{url}/id/{self.org.id}/{approval.user_id}",
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + ID_SECONDS,
            "at_hash": at_hash(access_token),
        }
        return signed(SERVICE, claims | ({"nonce": approval.nonce} if approval.nonce else {}))

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
