"""Queue at a glance, live: stages, their last hour, processes, and what they stand on."""

import asyncio
from collections.abc import AsyncIterator, Mapping

import aiohttp_jinja2
from aiohttp import web

from console import opsview, queueing, queueview
from console.charts import Chart, chart
from console.opsview import Hour, Ops
from console.web import forms
from console.web.forms import Form
from console.web.frame import SETUPS
from console.web.live import Live, digest, stream
from console.web.rendering import PERSON, render
from console.web.session import say, see_other, still_signed_in
from console.web.site import SETTINGS, STORE
from worker.store.worklist import STAGES

PATH = "/queue"
REGIONS = ("stages", "hour", "processes", "services")
TITLES = {"intake": "Taken in", "collect": "Collect", "invoices": "Invoices", "write_back": "Write back"}

OPS_LIVE: web.AppKey[Live] = web.AppKey("ops_live", Live)


def install(app: web.Application) -> None:
    """For an application with the Queue page."""

    async def read() -> Mapping[str, str]:
        return _regions(app, await _read(app))

    app[OPS_LIVE] = Live(read)
    app.cleanup_ctx.append(_reading)
    app.on_shutdown.append(_end)


async def _reading(app: web.Application) -> AsyncIterator[None]:
    reading = asyncio.create_task(app[OPS_LIVE].run())
    yield
    await app[OPS_LIVE].close()
    await reading


async def _end(app: web.Application) -> None:
    await app[OPS_LIVE].close()


async def _read(app: web.Application) -> Ops:
    store = app[STORE]
    setup, _ = app[SETUPS].read(await store.setup.current())
    return await opsview.ops(store, setup, app[SETTINGS].hourstream_time_scale)


async def show(request: web.Request) -> web.Response:
    """The page."""
    return await _page(request, Form())


async def _page(request: web.Request, form: Form) -> web.Response:
    found = await _read(request.app)
    return render(
        request,
        "queue/overview.html",
        status=200 if form.good else forms.UNPROCESSABLE,
        tab="overview",
        regions=_regions(request.app, found),
        digest=digest,
        form=form,
        stages=[("", "All stages"), *((stage, TITLES[stage]) for stage in STAGES)],
        paused=[stage for stage, view in found.queue.stages.items() if view.paused],
    )


async def live(request: web.Request) -> web.StreamResponse:
    """Its regions as they change."""
    return await stream(request, request.app[OPS_LIVE], still_signed_in(request))


def _regions(app: web.Application, found: Ops) -> dict[str, str]:
    environment = aiohttp_jinja2.get_env(app)
    shown = {
        "ops": found,
        "titles": TITLES,
        "charts": {stage: _charts(stage, hour) for stage, hour in found.hours.items()},
        "spared": queueview.spared(found.queue),
        "duration": opsview.duration,
        "size": opsview.size,
    }
    return {name: environment.get_template(f"queue/_{name}.html").render(shown) for name in REGIONS}


def _charts(stage: str, hour: Hour) -> tuple[Chart, Chart]:
    """How much was done in each minute, with what failed on top; and how late it was."""
    clocks = [each.at[11:16] for each in hour.minutes]
    done = [float(each.done + each.failed) for each in hour.minutes]
    said = f"{TITLES[stage]} in the last hour: {hour.done:,} done, {hour.failed:,} failed."
    titles = [
        f"{clock}: {each.done} done{f', {each.failed} failed' if each.failed else ''}"
        for clock, each in zip(clocks, hour.minutes, strict=True)
    ]
    late = [each.late for each in hour.minutes]
    waits = [f"{clock}: at most {opsview.duration(each)}" for clock, each in zip(clocks, late, strict=True)]
    longest = f"{TITLES[stage]}, longest wait in each minute of the last hour: at most {opsview.duration(hour.late)}."
    return (
        chart(done, [float(each.failed) for each in hour.minutes], titles, said),
        chart(late, [0.0] * len(late), waits, longest),
    )


# ---- acts ----------------------------------------------------------------------------------------------------------


async def pause(request: web.Request) -> web.Response:
    """Work on nothing of a stage until somebody resumes it."""
    form = await forms.read(request)
    stage = form.one_of("stage", ("", *STAGES))
    form.needed("why", "Say why: everybody else sees it.")
    if stage is None or not form.good:
        return await _page(request, form)
    await queueing.pause(request.app[STORE], stage, request[PERSON].who, form["why"])
    say(request, f"{TITLES.get(stage, 'Every stage')} is paused. Changes are still taken in; nothing is lost.")
    return see_other(PATH)


async def resume(request: web.Request) -> web.Response:
    """Go on."""
    form = await forms.read(request)
    stage = form.one_of("stage", ("", *STAGES))
    if stage is None:
        raise web.HTTPBadRequest(text="There is no such stage.")
    works = [work for work in request.app[STORE].lists() if stage in ("", work.stage)]
    if not [work for work in works if await work.paused()]:
        say(request, "Nothing was paused: somebody may have resumed it already.", "attention")
        return see_other(PATH)
    await queueing.resume(request.app[STORE], stage, request[PERSON].who)
    say(request, f"{TITLES.get(stage, 'Every stage')} goes on.")
    return see_other(PATH)
