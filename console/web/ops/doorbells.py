"""arq's queue: doorbells, which only wake workers. They are read as JSON or not at all."""

from aiohttp import web

from console import words
from console.web import forms
from console.web.ops.overview import PATH as QUEUE
from console.web.rendering import PERSON, render
from console.web.session import say, see_other
from console.web.site import STORE
from worker.store.arq_jobs import SHOWN

PATH = f"{QUEUE}/doorbells"


async def show(request: web.Request) -> web.Response:
    """Queued, deferred, under way; and those that nothing will run."""
    arq = request.app[STORE].arq
    jobs, orphans = await arq.jobs(), await arq.orphans()
    shown = [*jobs[:SHOWN], *orphans]
    return render(request, "queue/doorbells.html", tab="doorbells", jobs=shown, more=len(jobs) > SHOWN)


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
    await store.audit.write(request[PERSON].who, "queue.silenced", "doorbells", {"doorbells": count})
    say(request, f"{words.count(count, 'doorbell was', 'doorbells were')} removed. Nothing is lost.")
    return see_other(PATH)
