"""The OAuth endpoints of the org's My Domain."""

import base64
import binascii

from aiohttp import web

from sandbox.salesforce.auth import CLIENT_ID, CLIENT_SECRET, SCOPE, SERVICE, Session
from sandbox.salesforce.errors import OAuthError
from sandbox.salesforce.state import STATE
from sandbox.signing import key_set

routes = web.RouteTableDef()


@routes.post("/services/oauth2/token")
async def token(request: web.Request) -> web.Response:
    """Issue a session."""
    state = request.app[STATE]
    try:
        return web.json_response(state.sessions.login(await _form(request), state.org.url))
    except OAuthError as error:
        return web.json_response({"error": error.error, "error_description": error.description}, status=400)


@routes.get("/services/oauth2/userinfo")
@routes.post("/services/oauth2/userinfo")
async def userinfo(request: web.Request) -> web.Response:
    """Who the token's user is, with the org id."""
    state = request.app[STATE]
    session = _session(request)
    if session is None:
        return web.Response(status=403, text="Bad_OAuth_Token")
    user = state.org.tables["User"][session.user_id]
    shown = {
        "sub": f"{state.org.url}/id/{state.org.id}/{session.user_id}",
        "user_id": session.user_id,
        "organization_id": state.org.id,
        "preferred_username": user["Username"],
        "name": user["Name"],
        "email": user["Email"],
        "active": user["IsActive"],
        "urls": {"custom_domain": state.org.url, "rest": f"{state.org.url}/services/data/v{{version}}/"},
    }
    return web.json_response(shown)


@routes.get("/id/keys")
async def keys(request: web.Request) -> web.Response:
    """The keys that id tokens are signed with."""
    return web.json_response(key_set(SERVICE))


@routes.get("/id/{org}/{user}")
async def identity(request: web.Request) -> web.Response:
    """The identity address of a token answer."""
    state = request.app[STATE]
    session = _session(request)
    wanted = (request.match_info["org"], request.match_info["user"])
    if session is None or wanted != (state.org.id, session.user_id):
        return web.Response(status=403, text="Bad_OAuth_Token")
    user = state.org.tables["User"][session.user_id]
    shown = {"id": f"{state.org.url}{request.path}", "user_id": session.user_id, "organization_id": state.org.id}
    return web.json_response(shown | {"username": user["Username"], "display_name": user["Name"]})


@routes.post("/services/oauth2/introspect")
async def introspect(request: web.Request) -> web.Response:
    """Whether a token lives, and until when."""
    state = request.app[STATE]
    form = await _form(request)
    if (form.get("client_id"), form.get("client_secret")) != (CLIENT_ID, CLIENT_SECRET):
        return web.json_response(
            {"error": "invalid_client", "error_description": "invalid client credentials"}, status=401
        )
    session = state.sessions.peek(form.get("token", ""))
    if session is None:
        return web.json_response({"active": False})
    user = state.org.tables["User"][session.user_id]
    shown = {
        "active": True,
        "scope": SCOPE,
        "client_id": session.client_id,
        "username": user["Username"],
        "sub": f"{state.org.url}/id/{state.org.id}/{session.user_id}",
        "token_type": "access_token",
        "exp": int(state.sessions.expires(session).timestamp()),
        "iat": int(session.issued.timestamp()),
        "nbf": int(session.issued.timestamp()),
    }
    return web.json_response(shown)


@routes.get("/services/oauth2/revoke")
@routes.post("/services/oauth2/revoke")
async def revoke(request: web.Request) -> web.Response:
    """End a session."""
    form = await _form(request) if request.method == "POST" else dict(request.query)
    if request.app[STATE].sessions.revoke(form.get("token", "")) == 0:
        return web.json_response({"error": "invalid_token", "error_description": "invalid token"}, status=400)
    return web.Response()


async def _form(request: web.Request) -> dict[str, str]:
    """The body's form, client id and secret also from the Authorization header."""
    form = {name: value for name, value in (await request.post()).items() if isinstance(value, str)}
    kind, _, credentials = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() == "basic":
        try:
            client, _, secret = base64.b64decode(credentials, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return form
        form = {"client_id": client, "client_secret": secret} | form
    return form


def _session(request: web.Request) -> Session | None:
    return request.app[STATE].sessions.check(bearer(request))


def bearer(request: web.Request) -> str:
    """The access token of a request; jsforce says OAuth where others say Bearer."""
    kind, _, token_text = request.headers.get("Authorization", "").partition(" ")
    return token_text.strip() if kind.lower() in {"bearer", "oauth"} else ""
