"""How long the console's pages take with 100,000 entries on 10,000 invoices, against the same with 1,000 on 100."""

import asyncio
import re
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from statistics import median
from typing import Final

import aiohttp
import msgspec
from aiohttp import web
from cryptography.fernet import Fernet, MultiFernet
from redis.asyncio import Redis

from benchmarks import ledger
from console.access import one_time_link
from console.web.app import make_app
from console.web.session import forgive_text_keys
from sandbox.serve import Ports, running
from worker.limits import Limits
from worker.settings import Settings
from worker.store.connection import open_redis
from worker.store.doorbell import QUEUE, SilentDoorbell
from worker.store.embedded import EmbeddedServer
from worker.store.keys import Keys
from worker.store.store import Store

SMALL, LARGE = 1_000, 100_000  # entries
TIMES: Final = 5  # each page is asked for
RATIO: Final = 3.0
LONGEST: Final = 2.0  # seconds
NOISE: Final = 0.005  # seconds: what a busy machine adds to a page that takes next to none
BELLS: Final = 10  # for so many entries there is one job in arq's queue, and one that no queue names
MONTH: Final = "2026-11"
PAGES: Final = (
    "/", "/why?id=005000000000001AAA", f"/why?id={ledger.unit(7)[13:31]}", "/why?id=TT-00007", "/invoices",
    "/invoices?status=paid&page=90", "/invoices/waiting", "/invoices/waiting?reason=no-rate", "/invoices/corrections",
    "/i/K00000000003/1", "/people", "/contacts", "/contacts?tab=used", "/contacts?tab=unused", "/setup",
    "/setup/connections", "/setup/history", "/queue", "/queue/items", "/queue/doorbells", "/queue/audit", "/access",
)  # fmt: skip
# These are made of the whole ledger. First comes what a page says that nobody asked for yet, then what it shows.
WHOLE: Final = ("/invoices/preview", f"/month?period={MONTH}")
LINKED: Final = ("/month.csv", "/month/print", f"/month?period={MONTH}&where=drafts")  # as the statement links to them
FIRST: Final = " at first"
MADE: Final = " is made after"
BESIDE: Final = ", meanwhile "  # other pages, while it is made
OTHERS: Final = ("/", "/invoices", "/people", "/queue")
PAUSE: Final = 0.1  # seconds between two rounds of them
ROUNDS: Final = 4  # as many times are they asked for before and after, when nothing is made


@dataclass(frozen=True)
class Console:
    """A console over a ledger, and a browser that is signed in to it."""

    http: aiohttp.ClientSession
    address: str

    async def ask(self, page: str) -> tuple[float, bool]:
        """Seconds that a page takes, and whether it will look again by itself."""
        began = time.perf_counter()
        async with self.http.get(f"{self.address}{page}") as answer:
            assert answer.status == 200, f"{page}: {answer.status}"
            await answer.read()
        return time.perf_counter() - began, "Refresh" in answer.headers

    async def links(self, page: str) -> dict[str, str]:
        """The statement's file, its printable page and the entries behind its first row of drafts, by name."""
        async with self.http.get(f"{self.address}{page}") as answer:
            links = [unescape(link).partition("#")[0] for link in re.findall(r'href="([^"]+)"', await answer.text())]
        return {name: next(link for link in links if link.startswith(name)) for name in LINKED}


async def main() -> int:
    """Print each page's times and their ratio; 1 where one is too slow."""
    with tempfile.TemporaryDirectory(prefix="hs-bench-") as folder:
        small, large = await measured(Path(folder), (SMALL, LARGE))
    print(f"{'page':45} {SMALL:>12,} {LARGE:>12,}   ratio")
    for page, seconds in large.items():
        ratio = f"{seconds / small[page]:>7.2f}" if not page.endswith(MADE) else ""
        print(f"{page:45} {small[page] * 1000:>9,.1f} ms {seconds * 1000:>9,.1f} ms {ratio}")
    slow = too_slow(small, large)
    rule = f"All within {LONGEST:g} s, and within {RATIO:g} × (or {NOISE * 1000:g} ms) of the same with few entries."
    print("\n".join(slow) or rule)
    return 1 if slow else 0


def too_slow(small: Mapping[str, float], large: Mapping[str, float]) -> list[str]:
    """The pages that break a promise, each with how."""
    return [
        f"{page} is too slow: {seconds:.3f} s, with few entries {small[page]:.3f} s"
        for page, seconds in large.items()
        if not page.endswith(MADE) and (seconds > LONGEST or seconds > max(NOISE, RATIO * small[page]))
    ]


async def measured(data: Path, sizes: Sequence[int], times: int = TIMES) -> list[dict[str, float]]:
    """Seconds that each page takes over ledgers of these sizes, in turn: what else the machine does slows down all."""
    async with AsyncExitStack() as stack:
        stand = await stack.enter_async_context(running(Ports()))
        consoles = [await stack.enter_async_context(_console(data / str(n), stand.environment, n)) for n in sizes]
        found: list[dict[str, float]] = [{} for _ in sizes]
        for page in PAGES:
            await _best(consoles, found, page, [page] * len(sizes), times)
        for page in WHOLE:
            await _made(consoles, found, page, ROUNDS * times)
            await _best(consoles, found, page, [page] * len(sizes), times)
        links = [await console.links(WHOLE[-1]) for console in consoles]
        for name in LINKED:
            await _best(consoles, found, name, [each[name] for each in links], times)
        return found


async def _best(
    consoles: Sequence[Console], found: list[dict[str, float]], name: str, pages: Sequence[str], times: int
) -> None:
    """The best of so many times: what else the machine does is not measured. What a page says while it is not ready
    is not, either."""
    for console, page in zip(consoles, pages, strict=True):
        going_on = True
        while going_on:
            _, going_on = await console.ask(page)
            await asyncio.sleep(PAUSE if going_on else 0)
    for _ in range(times):
        for console, page, took in zip(consoles, pages, found, strict=True):
            took[name] = min((await console.ask(page))[0], took.get(name, float("inf")))


async def _made(consoles: Sequence[Console], found: list[dict[str, float]], page: str, idle_rounds: int) -> None:
    """How long it takes at first, until it is made, and others meanwhile: compared with the smallest ledger's, before
    and after, when nothing is made."""
    idle = [await _others(consoles[0]) for _ in range(idle_rounds)]
    meanwhile: list[list[dict[str, float]]] = [[] for _ in consoles]
    for console, took, rounds in zip(consoles, found, meanwhile, strict=True):
        began = time.perf_counter()
        took[f"{page}{FIRST}"], going_on = await console.ask(page)
        while going_on:
            rounds.append(await _others(console))
            _, going_on = await console.ask(page)
        took[f"{page}{MADE}"] = time.perf_counter() - began
    idle += [await _others(consoles[0]) for _ in range(idle_rounds)]
    for took, rounds in zip(found, meanwhile, strict=True):
        took |= {f"{page}{BESIDE}{other}": median(each[other] for each in rounds or idle) for other in OTHERS}


async def _others(console: Console) -> dict[str, float]:
    took = {other: (await console.ask(other))[0] for other in OTHERS}
    await asyncio.sleep(PAUSE)
    return took


@asynccontextmanager
async def _console(data: Path, environment: Mapping[str, str], entries: int) -> AsyncIterator[Console]:
    """A console over a filled ledger."""
    await asyncio.to_thread(data.mkdir)
    async with (
        EmbeddedServer(data) as server,
        _served(data, dict(environment) | {"REDIS_URL": server.url}, entries) as found,
    ):
        yield found


@asynccontextmanager
async def _served(data: Path, environment: Mapping[str, str], entries: int) -> AsyncIterator[Console]:
    secret = Fernet.generate_key().decode()
    given = {name.lower(): value for name, value in environment.items() if name.lower() in Settings.model_fields}
    settings = Settings.model_validate({**given, "hourstream_data": data, "hourstream_secret_key": secret})
    forgive_text_keys()
    redis = open_redis(environment["REDIS_URL"])
    store = Store(redis, Keys(), data, MultiFernet([Fernet(secret)]), Limits(), SilentDoorbell())
    await redis.config_set("appendfsync", "no")  # filling is not what is measured
    await ledger.fill(store, entries)
    await _ring(redis, entries // BELLS)
    await redis.config_set("appendfsync", "always")
    runner = web.AppRunner(make_app(store, settings), access_log=None, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    address = f"http://127.0.0.1:{runner.addresses[0][1]}"
    jar = aiohttp.CookieJar(unsafe=True)  # it keeps cookies of addresses without a name
    async with aiohttp.ClientSession(cookie_jar=jar) as http:
        async with http.post(await one_time_link(store, address), headers={"Sec-Fetch-Site": "same-origin"}) as signed:
            assert signed.status == 200
        yield Console(http, address)
    await runner.cleanup()
    await redis.aclose()


async def _ring(redis: Redis, count: int) -> None:
    """So many jobs that are queued, and as many that no queue names."""
    pipe, job = redis.pipeline(transaction=False), msgspec.json.encode({"t": 1, "f": "collect", "a": [], "k": {}})
    for number in range(count):
        pipe.zadd(QUEUE, {f"bell-{number:06}": number})
        pipe.set(f"arq:job:bell-{number:06}", job)
        pipe.set(f"arq:job:lost-{number:06}", job)
    await pipe.execute()


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
