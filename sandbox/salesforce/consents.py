"""The web-server flow's state: codes a person's consent gave, and the refresh tokens they were changed for.

Sources: Salesforce Help, "OAuth 2.0 Web Server Flow for Web App Integration", "OAuth 2.0 Refresh Token Flow for Renewed
Sessions", "Revoke OAuth Tokens".
"""

import secrets
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256

from sandbox.salesforce.errors import OAuthError
from sandbox.salesforce.org import Org

CODE_SECONDS = 900
APPROVALS = 5  # of one user for one app; a sixth revokes the oldest
REFRESHING = frozenset({"refresh_token", "offline_access", "full"})
GRANTABLE = frozenset({"api", "refresh_token", "offline_access", "openid", "profile", "email", "id", "full", "web"})


@dataclass(frozen=True)
class Approval:
    """What a person allowed the app."""

    user_id: str
    scope: str
    redirect_uri: str = ""
    challenge: str = ""
    nonce: str = ""
    expires: datetime | None = None

    @property
    def refreshing(self) -> bool:
        """Whether it gives a refresh token."""
        return bool(REFRESHING & set(self.scope.split()))


@dataclass
class Consents:
    """Codes and refresh tokens of the org's one app."""

    org: Org
    _codes: dict[str, Approval] = field(default_factory=dict)
    _refresh: dict[str, Approval] = field(default_factory=dict)

    def allow(self, user_id: str, asked: Mapping[str, str]) -> str:
        """The code of a person who said yes to what `asked` (the authorise address's query) asks for."""
        code = f"aPrx{secrets.token_urlsafe(48)}"
        expires = self.org.clock.now() + timedelta(seconds=CODE_SECONDS)
        self._codes[code] = Approval(
            user_id=user_id,
            scope=asked.get("scope") or "api refresh_token",
            redirect_uri=asked["redirect_uri"],
            challenge=asked.get("code_challenge", ""),
            nonce=asked.get("nonce", ""),
            expires=expires,
        )
        return code

    def exchanged(self, form: Mapping[str, str]) -> tuple[Approval, str]:
        """What a code stands for, once, and a refresh token ("" where none was asked for). Raises OAuthError."""
        approval = self._codes.pop(form.get("code", ""), None)
        if approval is None:
            raise OAuthError("invalid_grant", "invalid authorization code")
        if approval.expires is None or approval.expires <= self.org.clock.now():
            raise OAuthError("invalid_grant", "expired authorization code")
        if form.get("redirect_uri") != approval.redirect_uri:
            raise OAuthError("redirect_uri_mismatch", "redirect_uri must match configuration")
        if approval.challenge and challenge_of(form.get("code_verifier", "")) != approval.challenge:
            raise OAuthError("invalid_grant", "invalid code verifier")
        return approval, self._issue(approval) if approval.refreshing else ""

    def refreshed(self, form: Mapping[str, str]) -> tuple[Approval, str]:
        """What a refresh token stands for, and its successor ("" unless the app rotates them). Raises OAuthError."""
        token = form.get("refresh_token", "")
        approval = self._refresh.get(token)
        if approval is None:
            raise OAuthError("invalid_grant", "expired access/refresh token")
        if not self.org.now.rotate_refresh_tokens:
            return approval, ""
        del self._refresh[token]
        return approval, self._issue(approval)

    def revoke(self, token: str) -> str:
        """End a refresh token; answers whose it was, "" where it is none."""
        approval = self._refresh.pop(token, None)
        return approval.user_id if approval else ""

    def revoke_all(self) -> int:
        """An administrator revokes the app's access of every user."""
        count = len(self._refresh)
        self._refresh.clear()
        return count

    def _issue(self, approval: Approval) -> str:
        mine = [token for token, other in self._refresh.items() if other.user_id == approval.user_id]
        for oldest in mine[: max(0, len(mine) - APPROVALS + 1)]:
            del self._refresh[oldest]
        token = f"5Aep861{secrets.token_urlsafe(60)}"
        self._refresh[token] = approval
        return token


def challenge_of(verifier: str) -> str:
    """PKCE's S256 (RFC 7636)."""
    return urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def may_redirect_to(uri: str) -> bool:
    """Callback addresses an app may register: https, or localhost."""
    return uri.startswith(("https://", "http://localhost:", "http://localhost/"))
