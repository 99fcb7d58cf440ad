"""Step 1, Connections: the two apps, Connect to Salesforce, Connect to Xero, and taking it back."""

from urllib.parse import urlsplit

from aiohttp import web

from console import connecting
from console.connecting import Connection
from console.web import forms
from console.web.acting import ACTING, context_of
from console.web.forms import Form
from console.web.rendering import PERSON
from console.web.session import Tone, say, see_other
from console.web.setup.frame import render_step
from console.web.setup.steps import step
from console.web.site import SETTINGS, SITE, STORE
from worker.errors import ConfigurationError, ConnectionPaused, HourstreamError
from worker.main import limits_of
from worker.salesforce.connecting import SalesforceConnecting
from worker.store.credentials import NAMES, App
from worker.xero.connecting import Connected, XeroConnecting
from worker.xero.identity import Tenant

STEP = step("connections")
APPS: tuple[App, ...] = ("salesforce", "xero")
LONGEST = 500  # characters of an id, a secret or an address
NO_REDIRECT = "Nothing was changed."


async def show(request: web.Request) -> web.Response:
    """Both connections, and the companies to choose from where that has to be done."""
    return await _page(request, Form())


async def _page(request: web.Request, form: Form, app: str = "") -> web.Response:
    both = await connecting.connections(request.app[STORE], request.app[SETTINGS], request.app[SITE].address)
    companies, problem = await _companies(request, both[1])
    return await render_step(request, STEP, form, both=both, about=app, companies=companies, problem=problem)


async def _companies(request: web.Request, found: Connection) -> tuple[tuple[Tenant, ...], str]:
    """The companies to choose from; and why they cannot be told."""
    if found.lack is None or found.lack.kind != "choose" or not request[PERSON].may("administrator"):
        return (), ""
    try:
        return await _xero(request).companies(), ""
    except HourstreamError as error:
        return (), str(error)


# ---- the apps ------------------------------------------------------------------------------------------------------


async def save_app(request: web.Request) -> web.Response:
    """Store an app's id and secret, encrypted; what is left empty stays as it is."""
    form = await forms.read(request)
    app = form.one_of("app", APPS)
    if app is None:
        raise web.HTTPBadRequest(text="There is no such app.")
    given = {name: form[name] for name in NAMES[app] if form[name]}
    for name in given:
        form.needed(name, longest=LONGEST)
    if not given:
        form.problem("", "Nothing was saved: type the client id and the secret.")
    if form.good:
        await _stored(request, form, app, given)
    if not form.good:
        return await _page(request, _without_secrets(form), app)
    say(request, f"Saved, encrypted. Now connect to {'Salesforce' if app == 'salesforce' else 'Xero'}.")
    return see_other(STEP.path)


async def _stored(request: web.Request, form: Form, app: App, given: dict[str, str]) -> None:
    store, names = request.app[STORE], sorted(given)
    try:
        await store.credentials.put(app, given)
    except ConfigurationError as error:
        form.problem("SALESFORCE_LOGIN_URL" if "SALESFORCE_LOGIN_URL" in str(error) else "", str(error))
        return
    await store.audit.write(request[PERSON].who, "credentials.typed", app, {"names": names})
    await request.app[ACTING].renew()


def _without_secrets(form: Form) -> Form:
    """The form to show again: a secret is typed again, not sent back."""
    kept = {name: values for name, values in form.values.items() if not name.endswith("_SECRET")}
    return Form(kept, form.problems)


async def forget_app(request: web.Request) -> web.Response:
    """Remove what was typed; asks first."""
    form = await forms.read(request)
    app = form.one_of("app", APPS)
    if app is None:
        raise web.HTTPBadRequest(text="There is no such app.")
    if form["sure"] != "yes":
        meant = ["The client id and secret that were typed here are removed.", "What they connected stops working."]
        return forms.confirm(
            request, "Remove this app?", effects=meant, button="Remove", back=STEP.path, form=form, danger=True
        )
    await request.app[STORE].credentials.forget(app)
    await request.app[STORE].audit.write(request[PERSON].who, "credentials.removed", app, {})
    await request.app[ACTING].renew()
    say(request, "Removed.")
    return see_other(STEP.path)


# ---- connecting ----------------------------------------------------------------------------------------------------


async def begin(request: web.Request) -> web.Response:
    """Send the browser to Salesforce's or Xero's consent page."""
    own = request.app[SITE].address
    if urlsplit(f"//{request.host}").hostname != urlsplit(own).hostname:
        return see_other(f"{own}{STEP.path}")  # they send it back to that address, and cookies do not follow
    connecting_ = _salesforce(request) if request.match_info["service"] == "salesforce" else _xero(request)
    try:
        return see_other(await connecting_.authorize_url(request[PERSON].who))
    except HourstreamError as error:
        return _back(request, str(error), "stopped")


async def salesforce_callback(request: web.Request) -> web.Response:
    """The browser is back from Salesforce."""
    if (refused := _refused(request, "Salesforce")) is not None:
        return refused
    try:
        made = await _salesforce(request).exchange(
            code=request.query["code"], state=request.query.get("state", ""), by=request[PERSON].who
        )
    except (HourstreamError, TimeoutError) as error:
        return _back(request, _said(error, "Salesforce"), "stopped")
    await request.app[ACTING].renew()
    return _back(request, f"Connected to the Salesforce org {made.org_id} at {urlsplit(made.instance_url).netloc}.")


async def xero_callback(request: web.Request) -> web.Response:
    """The browser is back from Xero: connected, or a company has to be chosen."""
    if (refused := _refused(request, "Xero")) is not None:
        return refused
    try:
        made = await _xero(request).exchange(
            code=request.query["code"], state=request.query.get("state", ""), by=request[PERSON].who
        )
    except (HourstreamError, TimeoutError) as error:
        return _back(request, _said(error, "Xero"), "stopped")
    await request.app[ACTING].renew()
    _warn(request, made)
    if made.company is None:
        return _back(request, "Connected. Now choose the company this deployment serves.", "attention")
    return await _all_set(request, made.company)


async def choose(request: web.Request) -> web.Response:
    """Serve one of several companies, for good."""
    form = await forms.read(request)
    try:
        company = await _xero(request).choose(form["company"], request[PERSON].who)
    except HourstreamError as error:
        return _back(request, str(error), "stopped")
    await request.app[ACTING].renew()
    return await _all_set(request, company)


async def disconnect(request: web.Request) -> web.Response:
    """Take the consent back; asks first."""
    form = await forms.read(request)
    app = form.one_of("app", APPS)
    if app is None:
        raise web.HTTPBadRequest(text="There is no such connection.")
    title = "Salesforce" if app == "salesforce" else "Xero"
    if form["sure"] != "yes":
        stops = "No time is read" if app == "salesforce" else "No draft is written or read back"
        meant = [f"{stops} until somebody connects again; nothing is lost meanwhile, and it goes on by itself then."]
        return forms.confirm(
            request, f"Disconnect {title}?", effects=meant, button="Disconnect", back=STEP.path, form=form
        )
    try:
        await (_salesforce(request) if app == "salesforce" else _xero(request)).disconnect(request[PERSON].who)
    except HourstreamError as error:
        return _back(request, str(error), "stopped")
    await request.app[ACTING].renew()
    return _back(request, f"{title} is disconnected. Time goes on accumulating in Salesforce.", "attention")


# ---- inside --------------------------------------------------------------------------------------------------------


def _salesforce(request: web.Request) -> SalesforceConnecting:
    settings = request.app[SETTINGS]
    return connecting.salesforce(request.app[STORE], settings, limits_of(settings), request.app[SITE].address)


def _xero(request: web.Request) -> XeroConnecting:
    settings = request.app[SETTINGS]
    return connecting.xero(request.app[STORE], settings, limits_of(settings), request.app[SITE].address)


async def _all_set(request: web.Request, company: Tenant) -> web.Response:
    """The company is read at once: its name and whether it is a demo company show from now on."""
    name = company.name or company.id
    try:
        ctx = await context_of(request)
        await ctx.tenant()
        await ctx.store.company.put(await ctx.xero.company(patience=ctx.limits.step))
    except ConnectionPaused as error:
        return _back(request, str(error), "stopped")
    except (HourstreamError, TimeoutError) as error:  # connected all the same: a worker reads it
        say(request, f"{name} could not be read yet: {_said(error, 'Xero')}", "attention")
    return _back(request, f"Thank you, you are all set: {name}")


def _warn(request: web.Request, made: Connected) -> None:
    if made.lacking:
        scopes = ", ".join(made.lacking)
        say(request, f"Xero did not grant {scopes}. Without it Hourstream does less: see doctor.", "attention")


def _refused(request: web.Request, title: str) -> web.Response | None:
    """What the service or the person refused, or an address nobody was sent to."""
    if request.query.get("code") and "error" not in request.query:
        return None
    error = request.query.get("error", "")[:80]
    if error == "access_denied":
        text = f"You did not allow it at {title}. {NO_REDIRECT}"
    else:
        text = f"{title} did not connect ({error or 'no code came back'}). {NO_REDIRECT} Begin it again."
    return _back(request, text, "attention")


def _said(error: BaseException, title: str) -> str:
    return str(error) if isinstance(error, HourstreamError) else f"{title} took too long. Try it again."


def _back(request: web.Request, text: str, tone: Tone = "good") -> web.Response:
    say(request, text, tone)
    return see_other(STEP.path)
