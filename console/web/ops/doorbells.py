"""arq's queue: doorbells, which only wake workers. They are read as JSON or not at all."""

from typing import Final

from aiohttp import web

from console import words
from console.web import forms
from console.web.background import PROMPT, Background
from console.web.making import AGAIN
from console.web.ops.overview import PATH as QUEUE
from console.web.paging import Paging
from console.web.rendering import PERSON, render
from console.web.session import say, see_other
from console.web.site import STORE
from worker.store.arq_jobs import SHOWN, ArqJob

PATH = f"{QUEUE}/doorbells"
FEW: Final = 20_000  # keys that are looked through while a page is made; more of them meanwhile
FRESH: Final = 5.0  # seconds that what was found is shown again, where there are more

ORPHANS: web.AppKey[Background[list[ArqJob]]] = web.AppKey("orphans", Background)


def install(app: web.Application) -> None:
    """For an application with this page."""
    app[ORPHANS] = Background()

    async def close(_: web.Application) -> None:
        await app[ORPHANS].close()

    app.on_shutdown.append(close)


async def show(request: web.Request) -> web.Response:
    """Queued, deferred, under way; and those that nothing will run."""
    store = request.app[STORE]
    arq = store.arq
    few = await store.server.keys() <= FEW
    patience, fresh = (PROMPT, 0.0) if few else (0.0, FRESH)
    orphans = await request.app[ORPHANS].look("orphans", arq.orphans, patience=patience, fresh=fresh)
    paging = Paging.of(request, total=await arq.count())
    lost = Paging.of(request, total=len(orphans.last or ()), name="lost", anchor="#h-lost")
    response = render(
        request,
        "queue/doorbells.html",
        tab="doorbells",
        jobs=await arq.jobs(paging.start, paging.size),
        paging=paging,
        orphans=orphans,
        lost=(orphans.last or [])[lost.start :][: lost.size],
        lost_paging=lost,
        most=SHOWN,
    )
    if orphans.last is None:
        response.headers["Refresh"] = AGAIN
    return response


async def silence(request: web.Request) -> web.Response:
    """Remove them all; asks first. What is due is rung for again within a second."""
    form = await forms.read(request)
    if form["sure"] != "yes":
        effects = [
            "Every job that only wakes a worker is removed.",
            "Within a second it is rung again for what is due.",
        ]
        return forms.confirm(
            request, "Remove all doorbells?", effects=effects, button="Remove them", back=PATH, form=form
        )
    store = request.app[STORE]
    count = await store.silence()
    await request.app[ORPHANS].forget()
    await store.audit.write(request[PERSON].who, "queue.silenced", "doorbells", {"doorbells": count})
    say(request, f"{words.count(count, 'doorbell was', 'doorbells were')} removed. Nothing is lost.")
    return see_other(PATH)
