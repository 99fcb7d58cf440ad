"""The identity service: tokens, revocation, consent, connections."""

import base64
import binascii
from collections.abc import Mapping
from urllib.parse import urlencode
from uuid import uuid4

import jinja2
import jwt
from aiohttp import web

from sandbox.signing import key_set
from sandbox.xero import wire
from sandbox.xero.company import XeroCompany
from sandbox.xero.errors import CallError, unauthorised
from sandbox.xero.login import Login
from sandbox.xero.tokens import SERVICE, App, Connection, OAuthError, Session, connecting
from sandbox.xero.wire import Json

NO_WEB_APP = (
    "This client id is not that of a web app, which is what people connect in a browser. "
    "`hourstream sandbox` prints it as SANDBOX_XERO_WEB_CLIENT_ID."
)


class Identity:
    """What identity.xero.com, login.xero.com and api.xero.com/connections answer."""

    def __init__(self, company: XeroCompany, templates: jinja2.Environment) -> None:
        self.company = company
        self.templates = templates
        self.login = Login(company.books, templates)

    def routes(self) -> list[web.RouteDef]:
        """All addresses of the identity service."""
        return [
            web.post("/connect/token", self.token),
            web.post("/connect/revocation", self.revocation),
            web.get("/identity/connect/authorize", self.authorise),
            web.post("/identity/connect/authorize", self.consent),
            web.get("/.well-known/openid-configuration/jwks", self.keys),
            *self.login.routes(),
            # Xero's addresses do not mind case, and its own SDK writes this one with a capital.
            web.get("/{name:[Cc]onnections}", self.connections),
            web.delete("/{name:[Cc]onnections}/{id}", self.disconnect),
        ]

    async def token(self, request: web.Request) -> web.Response:
        """POST /connect/token: client credentials, a code, or a refresh token."""
        form = await _form(request)
        try:
            app = self._client(request, form)
            answer = self._grant(app, form)
        except OAuthError as error:
            return _json({"error": error.code}, 400)
        return _json(answer, headers={"Cache-Control": "no-store"})

    def _grant(self, app: App, form: dict[str, str]) -> Json:
        tokens, grant = self.company.tokens, form.get("grant_type", "")
        if grant == "client_credentials":
            return tokens.client_credentials(app, form.get("scope", ""))
        if app.grant != "authorization_code" and grant in {"authorization_code", "refresh_token"}:
            raise OAuthError("unauthorized_client")
        if grant == "authorization_code":
            return tokens.exchange_code(app, form.get("code", ""), form.get("redirect_uri", ""))
        if grant == "refresh_token":
            return tokens.refresh(app, form.get("refresh_token", ""))
        raise OAuthError("unsupported_grant_type")

    async def revocation(self, request: web.Request) -> web.Response:
        """POST /connect/revocation: a refresh token and all that hangs on it; unknown ones are no error."""
        form = await _form(request)
        try:
            self.company.tokens.revoke(self._client(request, form), form.get("token", ""))
        except OAuthError as error:
            return _json({"error": error.code}, 400)
        return web.Response()

    async def authorise(self, request: web.Request) -> web.Response:
        """The page on which a person lets the app in."""
        try:
            app = self._asking(request.query)
        except OAuthError as error:
            hint = NO_WEB_APP if error.code == "unauthorized_client" else ""
            return self._page("refused.html", 400, error=error.code, hint=hint)
        user = self.login.person(request)
        if user is None:
            return self.login.first(request)
        connects = connecting(request.query["scope"].split())
        return self._page("consent.html", 200, app=app, asked=dict(request.query), user=user, connects=connects)

    async def consent(self, request: web.Request) -> web.Response:
        """The person said yes or no: back to the app, with a code or with `access_denied`."""
        form = await _form(request)
        try:
            app, user = self._asking(form), self.login.person(request)
            if user is None:
                raise OAuthError("login_required")
            uri = form["redirect_uri"]
            if form.get("answer") != "allow":
                return _redirect(uri, {"error": "access_denied", "state": form.get("state", "")})
            code = self.company.tokens.consent(app, uri, form.get("scope", ""), user, form.get("nonce", ""))
        except OAuthError as error:
            return self._page("refused.html", 400, error=error.code)
        return _redirect(uri, {"code": code, "scope": form.get("scope", ""), "state": form.get("state", "")})

    async def keys(self, _request: web.Request) -> web.Response:
        """The keys that id tokens are signed with."""
        return _json(key_set(SERVICE))

    async def connections(self, request: web.Request) -> web.Response:
        """GET /connections: the companies this token may reach."""
        try:
            session = self._session(request)
        except CallError as refused:
            return _json(refused.body, refused.status)
        event = request.query.get("authEventId")
        connection = self.company.tokens.connection_of(session)
        shown = [] if connection is None or (event and connection.auth_event != event) else [connection]
        return _json([self._connection(one) for one in shown])

    async def disconnect(self, request: web.Request) -> web.Response:
        """DELETE /connections/{id}."""
        try:
            session = self._session(request)
        except CallError as refused:
            return _json(refused.body, refused.status)
        connection = self.company.tokens.connections.get(request.match_info["id"])
        if connection is None or connection.client_id != session.client_id:
            return web.Response(status=404, content_type="text/html", charset="utf-8")
        del self.company.tokens.connections[connection.id]
        return web.Response(status=204)

    def _connection(self, connection: Connection) -> Json:
        return {
            "id": connection.id,
            "authEventId": connection.auth_event,
            "tenantId": self.company.tenant_id,
            "tenantType": "ORGANISATION",
            "tenantName": self.company.books.organisation.name,
            "createdDateUtc": connection.created.replace(tzinfo=None).isoformat(timespec="microseconds"),
            "updatedDateUtc": connection.updated.replace(tzinfo=None).isoformat(timespec="microseconds"),
        }

    def _client(self, request: web.Request, form: dict[str, str]) -> App:
        """The app, by HTTP Basic or by fields of the form. Raises OAuthError."""
        kind, _, coded = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() != "basic":
            return self.company.tokens.app(form.get("client_id", ""), form.get("client_secret"))
        try:
            client_id, _, secret = base64.b64decode(coded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError) as error:
            raise OAuthError("invalid_client") from error
        return self.company.tokens.app(client_id, secret)

    def _asking(self, asked: Mapping[str, str]) -> App:
        """The web app that asks for consent. Raises OAuthError for what Xero would not show a consent page for."""
        app = self.company.tokens.apps.get(asked.get("client_id", ""))
        if app is None or app.grant != "authorization_code":
            raise OAuthError("unauthorized_client")
        if asked.get("response_type") != "code" or not app.may_redirect_to(asked.get("redirect_uri", "")):
            raise OAuthError("invalid_request")
        if not asked.get("scope"):
            raise OAuthError("invalid_scope")
        self.company.tokens.checked_scopes(app, asked["scope"])
        return app

    def _session(self, request: web.Request) -> Session:
        instance = str(uuid4())
        bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
        try:
            session, ends = self.company.tokens.session(bearer)
        except (jwt.InvalidTokenError, KeyError) as error:
            raise unauthorised("AuthenticationUnsuccessful", instance) from error
        if ends <= self.company.clock.now():
            raise unauthorised(f"TokenExpired: token expired at {ends:%m/%d/%Y %H:%M:%S}", instance)
        return session

    def _page(self, name: str, status: int, **values: object) -> web.Response:
        text = self.templates.get_template(name).render(organisation=self.company.books.organisation, **values)
        return web.Response(status=status, text=text, content_type="text/html")


async def _form(request: web.Request) -> dict[str, str]:
    posted = await request.post()
    return {name: value for name, value in posted.items() if isinstance(value, str)}


def _redirect(uri: str, query: dict[str, str]) -> web.Response:
    separator = "&" if "?" in uri else "?"
    return web.Response(status=302, headers={"Location": f"{uri}{separator}{urlencode(query)}"})


def _json(value: object, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(
        status=status,
        body=wire.encode(value),
        headers={"Content-Type": "application/json; charset=utf-8"} | (headers or {}),
    )
