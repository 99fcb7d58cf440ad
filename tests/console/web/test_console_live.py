"""The live part: an event arrives when something changed, and only then."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from typing import Any

import aiohttp

from console.web.live import Live, Snapshot
from tests.console.web.console_support import Browser, document, fact, fill, invoice, working


@asynccontextmanager
async def watching(browser: Browser) -> AsyncIterator[AsyncIterator[tuple[str, Any]]]:
    """The events of `/live`, as a browser gets them."""
    async with browser.http.get(browser.url("/live")) as response:
        assert response.status == 200
        assert response.content_type == "text/event-stream"
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        yield events(response)


async def events(response: aiohttp.ClientResponse) -> AsyncIterator[tuple[str, Any]]:
    name = ""
    async for line in response.content:
        if line.startswith(b"event: "):
            name = line[7:].decode().strip()
        elif line.startswith(b"data: "):
            yield name, json.loads(line[6:])


async def following(stream: AsyncIterator[tuple[str, Any]]) -> tuple[str, Any]:
    async with asyncio.timeout(20):
        return await anext(stream)


async def test_a_new_invoice_line_arrives_without_asking(browser: Browser) -> None:
    await working(browser.store)
    await fill(browser.store, None, [])
    await browser.sign_in()
    async with watching(browser) as stream:
        name, first = await following(stream)
        assert name == "regions"
        assert "Nothing is on an invoice yet" in first["lines"]["html"]
        await fill(browser.store, invoice(document(1)), [fact(1)])
        seen: dict[str, str] = {}
        while "TT-00042" not in seen.get("lines", "") or "TT-00042" not in seen.get("drafts", ""):
            name, changed = await following(stream)
            assert name == "regions"
            seen |= {region: each["html"] for region, each in changed.items()}
        assert "connections" not in seen


async def test_the_page_and_the_first_event_agree(browser: Browser) -> None:
    await working(browser.store)
    await fill(browser.store, invoice(document(1)), [fact(1)])
    await browser.sign_in()
    _, page = await browser.get("/")
    async with watching(browser) as stream:
        _, first = await following(stream)
    for name, region in first.items():
        assert f'data-region="{name}" data-digest="{region["digest"]}"' in page


async def test_several_watchers_all_hear_of_a_change(browser: Browser) -> None:
    await working(browser.store)
    await browser.sign_in()
    async with watching(browser) as one, watching(browser) as other:
        for stream in (one, other):
            await following(stream)
        await browser.store.invoices.pause("Ada", "month end")
        for stream in (one, other):
            _, changed = await following(stream)
            assert "paused by Ada: month end" in changed["standing"]["html"]


# ---- the part that reads, alone ------------------------------------------------------------------------------------


class Source:
    """Something to read that can fail."""

    def __init__(self) -> None:
        self.answer: Mapping[str, str] | Exception = {"lines": "1"}
        self.readings = 0

    async def read(self) -> Mapping[str, str]:
        self.readings += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@asynccontextmanager
async def reading(source: Source) -> AsyncIterator[Live]:
    live = Live(source.read)
    task = asyncio.create_task(live.run())
    yield live
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_store_that_does_not_answer_is_told_of_and_its_return_too() -> None:
    source = Source()
    async with reading(source) as live, aclosing(live.snapshots()) as snapshots, asyncio.timeout(20):
        assert await anext(snapshots) == Snapshot({"lines": "1"})
        source.answer = ConnectionError("away")
        assert await anext(snapshots) == Snapshot({"lines": "1"}, well=False)
        source.answer = {"lines": "2"}
        assert await anext(snapshots) == Snapshot({"lines": "2"})


async def test_nothing_is_read_while_nobody_watches() -> None:
    source = Source()
    async with reading(source) as live, asyncio.timeout(20):
        await asyncio.sleep(0)
        assert source.readings == 0
        async with aclosing(live.snapshots()) as snapshots:
            await anext(snapshots)
        assert source.readings == 1


async def test_closing_ends_every_stream() -> None:
    source = Source()
    async with reading(source) as live, asyncio.timeout(20):
        heard: list[Snapshot | None] = []

        async def watch() -> None:
            async with aclosing(live.snapshots()) as snapshots:
                async for snapshot in snapshots:
                    heard.append(snapshot)
                    if snapshot is not None:
                        await live.close()

        await asyncio.gather(watch(), watch())
        assert Snapshot({"lines": "1"}) in heard
