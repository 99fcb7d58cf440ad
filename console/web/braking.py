"""The brake: a stopped pass is let through, its entries are kept as they are, or the setup change is undone."""

from dataclasses import dataclass
from typing import Final, Literal

from aiohttp import web

from console import words
from console.web import forms
from console.web.acting import context_of
from console.web.session import say, see_other
from console.web.site import STORE
from worker.context import Context
from worker.errors import HourstreamError
from worker.jobs import braking
from worker.jobs.invoice import invoice

HOME: Final = "/"
Said = Literal["go-on", "keep", "undo"]


@dataclass(frozen=True, slots=True)
class Choice:
    """What can be said, and what it does."""

    title: str
    button: str
    effect: str
    danger: bool = False


CHOICES: Final[dict[Said, Choice]] = {
    "go-on": Choice("Go on with what the brake stopped?", "Go on", "All of it is sent to Xero now."),
    "keep": Choice(
        "Keep the entries as they are?",
        "Keep them",
        "Entries that would be taken off or priced anew stay on their drafts as they are, until somebody bills them.",
    ),
    "undo": Choice(
        "Undo the setup change?",
        "Undo it",
        "The setup before becomes the one in force again, as a new version, and everything is judged by it anew.",
    ),
}


async def decide(request: web.Request) -> web.Response:
    """Do what a person says about the pass that is stopped; asks first, with its effect."""
    form = await forms.read(request)
    said = form.one_of("act", list(CHOICES))
    if said is None:
        raise web.HTTPBadRequest(text="Go on, keep or undo?")
    choice, braked = CHOICES[said], await request.app[STORE].brake.get()
    if braked is None or braked.at != form["at"]:
        other = "" if braked is None else " Another pass is stopped now: see below."
        say(request, f"Somebody has decided about that one already.{other}", "attention")
        return see_other(HOME)
    if form["sure"] != "yes":
        effects = [*braked.sentences, choice.effect]
        return forms.confirm(request, choice.title, effects=effects, button=choice.button, back=HOME, form=form)
    try:
        say(request, await _do(await context_of(request), said))
    except (HourstreamError, TimeoutError) as error:
        say(request, str(error) or "Salesforce or Xero took too long. Look again in a moment.", "attention")
    return see_other(HOME)


async def _do(ctx: Context, said: Said) -> str:
    if said == "keep":
        count = await braking.keep(ctx)
        return f"{words.count(count, 'entry stays on its draft', 'entries stay on their drafts')} as they are."
    if said == "undo":
        return f"The setup before is in force again, as version {await braking.undo(ctx)}."
    braked = await braking.go_on(ctx)
    await invoice(ctx)
    return f"It goes on with {words.count(len(braked.keys), 'invoice', 'invoices')}."
