"""How long the console's pages take with 100,000 entries on 10,000 invoices, against the same with 1,000 on 100."""

import asyncio
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import aiohttp
from aiohttp import web
from cryptography.fernet import Fernet, MultiFernet

from benchmarks import ledger
from console.access import one_time_link
from console.web.app import make_app
from console.web.session import forgive_text_keys
from sandbox.serve import Ports, running
from worker.limits import Limits
from worker.settings import Settings
from worker.store.connection import open_redis
from worker.store.doorbell import SilentDoorbell
from worker.store.embedded import EmbeddedServer
from worker.store.keys import Keys
from worker.store.store import Store

SMALL, LARGE = 1_000, 100_000  # entries
TIMES: Final = 5  # each page is asked for
RATIO: Final = 3.0
LONGEST: Final = 2.0  # seconds
NOTHING: Final = 0.05  # seconds: below this a ratio says more of the machine than of the page
PAGES: Final = (
    "/", "/why?id=005000000000001AAA", f"/why?id={ledger.unit(7)[13:31]}", "/why?id=TT-00007", "/invoices",
    "/invoices?status=paid&page=90", "/invoices/waiting", "/invoices/waiting?reason=no-rate", "/invoices/corrections",
    "/i/K00000000003/1", "/people", "/contacts", "/contacts?tab=unused", "/setup", "/setup/connections",
    "/setup/history", "/queue", "/queue/items", "/queue/doorbells", "/queue/audit", "/access", "/invoices/preview",
    "/month",
)  # fmt: skip
# These look at everything: within a second they say that they do, and show it once it is done. Held to the clock only.
WHOLE: Final = ("/invoices/preview", "/month")


async def main() -> int:
    """Print each page's times and their ratio; 1 where one is too slow."""
    found = {}
    for entries in (SMALL, LARGE):
        with tempfile.TemporaryDirectory(prefix="hs-bench-") as folder:
            found[entries] = await measured(Path(folder), entries)
    print(f"{'page':45} {SMALL:>12,} {LARGE:>12,}   ratio")
    for page in PAGES:
        small, large = found[SMALL][page], found[LARGE][page]
        print(f"{page:45} {small * 1000:>9.0f} ms {large * 1000:>9.0f} ms {large / small:>7.2f}")
    slow = too_slow(found[SMALL], found[LARGE])
    asked = f"{RATIO:g} × is asked only above {NOTHING * 1000:g} ms, and not of {', '.join(WHOLE)}"
    rule = f"All within {LONGEST:g} s; {asked}."
    print("\n".join(slow) or rule)
    return 1 if slow else 0


def too_slow(small: Mapping[str, float], large: Mapping[str, float]) -> list[str]:
    """The pages that break a promise, each with how."""
    return [
        f"{page} is too slow: {large[page]:.2f} s, with few entries {small[page]:.2f} s"
        for page in small
        if large[page] > LONGEST or (page not in WHOLE and large[page] > max(NOTHING, RATIO * small[page]))
    ]


async def measured(data: Path, entries: int, times: int = TIMES) -> dict[str, float]:
    """Seconds that each page takes, the best of so many times: what else the machine does is not measured."""
    async with (
        running(Ports()) as stand,
        EmbeddedServer(data) as server,
        _console(data, stand.environment | {"REDIS_URL": server.url}, entries) as (http, address),
    ):
        return {page: await _best(http, f"{address}{page}", times) for page in PAGES}


async def _best(http: aiohttp.ClientSession, address: str, times: int) -> float:
    took = []
    for _ in range(times):
        began = time.perf_counter()
        async with http.get(address) as answer:
            assert answer.status == 200, f"{address}: {answer.status}"
            await answer.read()
        took.append(time.perf_counter() - began)
    return min(took)


@asynccontextmanager
async def _console(
    data: Path, environment: Mapping[str, str], entries: int
) -> AsyncIterator[tuple[aiohttp.ClientSession, str]]:
    """A console over a filled ledger, and a browser that is signed in to it."""
    secret = Fernet.generate_key().decode()
    given = {name.lower(): value for name, value in environment.items() if name.lower() in Settings.model_fields}
    settings = Settings.model_validate({**given, "hourstream_data": data, "hourstream_secret_key": secret})
    forgive_text_keys()
    redis = open_redis(environment["REDIS_URL"])
    store = Store(redis, Keys(), data, MultiFernet([Fernet(secret)]), Limits(), SilentDoorbell())
    await redis.config_set("appendfsync", "no")  # filling is not what is measured
    await ledger.fill(store, entries)
    await redis.config_set("appendfsync", "always")
    runner = web.AppRunner(make_app(store, settings), access_log=None, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    address = f"http://127.0.0.1:{runner.addresses[0][1]}"
    jar = aiohttp.CookieJar(unsafe=True)  # it keeps cookies of addresses without a name
    async with aiohttp.ClientSession(cookie_jar=jar) as http:
        async with http.post(await one_time_link(store, address), headers={"Sec-Fetch-Site": "same-origin"}) as signed:
            assert signed.status == 200
        yield http, address
    await runner.cleanup()
    await redis.aclose()


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
