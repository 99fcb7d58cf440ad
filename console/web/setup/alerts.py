"""Step 8, Alerts and brake: what a pass may do by itself, and whom it tells when a person is needed."""

from urllib.parse import urlsplit

from aiohttp import web

from console.drafting import Draft
from console.web import forms
from console.web.forms import Form
from console.web.session import see_other
from console.web.setup import values
from console.web.setup.frame import draft_of, go_on, keep, render_step
from console.web.setup.saving import SAVE
from console.web.setup.steps import step
from console.web.site import SETTINGS as ENVIRONMENT
from console.web.site import STORE
from worker.setup.sections import Brake

STEP = step("alerts")
SETTINGS = values.settings(
    "brake", Brake, Brake.model_fields, new_invoices="whole", removed_entries="whole", corrections="whole",
    changed_value="percent",
)  # fmt: skip


async def show(request: web.Request) -> web.Response:
    """The limits, where alerts go, and those that are told now."""
    return await _page(request, await draft_of(request), Form())


async def save(request: web.Request) -> web.Response:
    """Save the limits in the draft; after the last step comes what the draft would change."""
    form, draft = await forms.read(request), await draft_of(request)
    after = await keep(request, form, values.typed(form, draft, SETTINGS))
    if not form.good:
        return await _page(request, draft, form)
    if form["then"] == "stay" or not after.changed:
        return go_on(request, STEP, form)
    return see_other(SAVE)


async def _page(request: web.Request, draft: Draft, form: Form) -> web.Response:
    address = request.app[ENVIRONMENT].hourstream_alert_url or ""
    return await render_step(
        request,
        STEP,
        form,
        draft=draft,
        now=values.shown(draft, SETTINGS),
        told=urlsplit(address).netloc.rpartition("@")[2],  # the rest of such an address is often a secret
        brake=await request.app[STORE].brake.get(),
    )
