"""What every step of Setup is drawn in: the steps with their ticks, the draft, and what is wrong in this step."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from aiohttp import web

from console import connecting, drafting
from console.drafting import Changes, Draft
from console.web.forms import UNPROCESSABLE, Form
from console.web.rendering import PERSON, render
from console.web.session import say, see_other
from console.web.setup.steps import PATH, STEPS, Step, after, owner
from console.web.site import SETTINGS, STORE
from worker.context import Context


async def draft_of(request: web.Request) -> Draft:
    """The draft. Raises `ServiceError` where its file cannot be read."""
    return await drafting.draft(request.app[STORE])


async def render_step(
    request: web.Request, step: Step, form: Form | None = None, *, draft: Draft | None = None, **context: Any
) -> web.Response:
    """The page of a step: `templates/setup/<name>.html`, status 422 when the form has problems.

    Beside `context` the template gets `steps`, `step`, `next`, `draft`, `connected`, `form`, and `wrong`: the problems
    of the draft that are mended in this step.
    """
    draft, form = draft or await draft_of(request), form or Form()
    common = await shared(request, draft)
    wrong = [each for each in draft.problems() if owner(each.key) is step]
    begun = step.standing(draft, common["connected"]) != "open"
    given = {"step": step, "next": after(step), "form": form, "wrong": wrong if begun else []}
    status = 200 if form.good else UNPROCESSABLE
    return render(request, f"setup/{step.name}.html", status=status, **{**common, **given, **context})


async def shared(request: web.Request, draft: Draft) -> dict[str, Any]:
    """What `setup/base.html` needs: the steps with their standing, the draft, and which services are connected."""
    both = await connecting.connections(request.app[STORE], request.app[SETTINGS])
    connected = {each.service for each in both if each.connected}
    steps = [(number, each, each.standing(draft, connected)) for number, each in enumerate(STEPS, start=1)]
    return {"steps": steps, "draft": draft, "connected": connected, "step": None}


async def keep(
    request: web.Request,
    form: Form,
    changes: Changes,
    ctx: Context | None = None,
    fields: Mapping[str, str] = MappingProxyType({}),
) -> Draft:
    """Save changes in the draft; what the setup's rules say against the changed keys stands beside the fields, and with
    `ctx` what the org says.

    Nothing is saved when the form has problems, or gets some by this. Fields are named like the last part of their key,
    unless `fields` has the key.
    Raises Salesforce's errors where the org is asked and does not answer.
    """
    store, before = request.app[STORE], await draft_of(request)
    if not form.good:
        return before
    with_them, keys = drafting.changed(before, changes), [".".join(path) for path in changes]
    found = with_them.problems(*keys)
    found += await drafting.against(ctx, with_them, *keys) if ctx is not None else []
    for problem in found:
        if problem.severity == "error":
            field = fields.get(problem.key) or problem.key.rpartition(".")[2].partition("[")[0]
            form.problem(field, f"{problem.what}. {problem.remedy}".strip())
    return await drafting.change(store, changes, request[PERSON].who) if form.good else before


def go_on(request: web.Request, step: Step, form: Form, text: str = "Saved in the draft.") -> web.Response:
    """After a step was saved: the next one, or the same again where the button says `then=stay`."""
    say(request, text)
    following = after(step)
    return see_other(following.path if following and form["then"] != "stay" else step.path)


def go_on_or_save(request: web.Request, step: Step, form: Form, kept: Draft) -> web.Response:
    """The same; once nothing is lacking any more for a first setup, the page that saves it."""
    if form["then"] == "stay" or kept.version or kept.problems():
        return go_on(request, step, form)
    say(request, "Saved in the draft. Nothing is lacking any more: the steps that follow have good defaults.")
    return see_other(f"{PATH}/save")


async def overview(request: web.Request) -> web.Response:
    """All steps with what is done, and the acts on the whole."""
    return render(request, "setup/overview.html", **await shared(request, await draft_of(request)))


async def discard(request: web.Request) -> web.Response:
    """Throw the draft away."""
    await drafting.discard(request.app[STORE], request[PERSON].who)
    say(request, "The draft is gone: these pages show the setup in force again.")
    return see_other(PATH)
