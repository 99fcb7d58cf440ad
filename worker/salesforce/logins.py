"""What the token endpoint says when it does not let us in, and what a person does about it.

Sources: Salesforce Help, "OAuth 2.0 Error Codes"; the descriptions are Salesforce's own, found by a part of them.
"""

from collections.abc import Mapping

from worker.salesforce.errors import LimitExceeded, LoginRefused, ReconnectNeeded, SalesforceError, Unavailable
from worker.salesforce.wire import decode

_APP = "In Setup, External Client App Manager, edit the app's policies: "
_USER = "Check the integration user in Setup, Users: "

EXPIRED = "expired access/refresh token"  # revoked, by a person or by a sixth approval: it stays so

# (a part of "error: error_description" in lower case, remedy), the first that is found counts
REMEDIES: tuple[tuple[str, str], ...] = (
    ("user hasn't approved this consumer", _APP + "admin-approved users, with the user's profile or permission set."),
    ("no client credentials user enabled", _APP + "enable the client-credentials flow and choose its Run As user."),
    ("client credentials flow not enabled", _APP + "enable the client-credentials flow and choose its Run As user."),
    ("no valid scopes", "Give the app the OAuth scope api, and for the JWT bearer flow refresh_token too."),
    ("invalid_scope", "Give the app the OAuth scope api, and for the JWT bearer flow refresh_token too."),
    (
        "request not supported on this domain",
        "Set SALESFORCE_LOGIN_URL to the org's My Domain, like https://example.my.salesforce.com.",
    ),
    (
        "audience is invalid",
        "Set SALESFORCE_LOGIN_URL to https://login.salesforce.com, or to https://test.salesforce.com for a sandbox.",
    ),
    ("ip restricted", _APP + "relax IP restrictions, or add this machine's address to the user's login IP ranges."),
    ("ip not allowed", _APP + "relax IP restrictions, or add this machine's address to the user's login IP ranges."),
    (EXPIRED, "Connect Salesforce again; a sixth approval revokes the oldest."),
    ("expired authorization code", "Connect Salesforce again."),
    ("user is locked", _USER + "unlock it."),
    ("inactive user", _USER + "make it active."),
    ("inactive_user", _USER + "make it active."),
    ("inactive organization", "The org is inactive: ask its owner, or Salesforce."),
    ("inactive_org", "The org is inactive: ask its owner, or Salesforce."),
    ("organization is locked", "The org is locked: ask its owner, or Salesforce."),
    (
        "invalid assertion",
        "Check SALESFORCE_USERNAME, that the app has the certificate of SALESFORCE_PRIVATE_KEY_FILE, and the clock.",
    ),
    (
        "expired assertion",
        "Set this machine's clock; Salesforce found the assertion too old.",
    ),
    ("invalid_client_id", "Check SALESFORCE_CLIENT_ID (the consumer key); a new app takes up to 10 minutes to work."),
    ("client identifier invalid", "Check SALESFORCE_CLIENT_ID (the consumer key); a new app takes up to 10 minutes."),
    ("invalid_client", "Check SALESFORCE_CLIENT_SECRET (the consumer secret)."),
    ("unsupported_grant_type", _APP + "enable the flow that the settings ask for."),
    ("invalid_app_access", _APP + "let the integration user use the app."),
    ("authentication failure", _USER + "its login history says why it was refused."),
)
_OTHERWISE = _USER + "its login history says why it was refused."


def login_refusal(status: int, body: bytes) -> SalesforceError:
    """The error that a refused login means."""
    try:
        found = decode(body, object)
    except ValueError:
        found = None
    if status >= 500 or not isinstance(found, Mapping) or "error" not in found:
        return Unavailable(f"Salesforce did not answer a login: HTTP {status}.", status=status)
    code, text = str(found["error"]), str(found.get("error_description") or "")
    said = f"{code}: {text}" if text else code
    if "rate exceeded" in said.lower():
        return LimitExceeded(f"Salesforce counts too many logins ({said}).", "Wait an hour.", code=code, status=status)
    kind = ReconnectNeeded if EXPIRED in said.lower() else LoginRefused
    return kind(f"Salesforce refused the login ({said}).", remedy(said), code=code, status=status)


def remedy(said: str) -> str:
    """What to do about a refusal in Salesforce's words."""
    lower = said.lower()
    return next((text for part, text in REMEDIES if part in lower), _OTHERWISE)
