"""`hourstream console` as a process: prints a link that works, answers, ends when told."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from console.web.serve import default_port
from tests.console.web.console_support import OWN, SECRET
from worker.settings import Settings
from worker.store.embedded import EmbeddedServer


@asynccontextmanager
async def console(valkey: EmbeddedServer, data: Path, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "console", "console", *arguments,
        env={**os.environ, "REDIS_URL": valkey.url, "HOURSTREAM_DATA": str(data), "HOURSTREAM_SECRET_KEY": SECRET},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        async with asyncio.timeout(60):
            yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def printed_link(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    while line := (await process.stdout.readline()).decode():
        if "/link/" in line:
            return line.split()[-1]
    raise AssertionError("it printed no link")


@pytest.mark.usefixtures("redis")
async def test_the_console_prints_a_link_that_signs_in_also_while_it_runs_and_ends_when_told(
    valkey: EmbeddedServer, tmp_path: Path
) -> None:
    jar = aiohttp.CookieJar()
    async with console(valkey, tmp_path, "--port", "0") as process, aiohttp.ClientSession(cookie_jar=jar) as http:
        link = await printed_link(process)
        port = link.split(":")[2].partition("/")[0]
        async with http.get(link) as page:
            assert page.status == 200
        async with console(valkey, tmp_path, "--port", port) as second:
            other = await printed_link(second)
            assert await second.wait() == 1
            assert second.stderr is not None
            assert f"Port {port} of 127.0.0.1 is in use." in (await second.stderr.read()).decode()
        async with http.post(other.replace("localhost:8400", f"localhost:{port}"), headers=OWN) as home:
            assert (home.status, home.url.path) == (200, "/")
        async with http.get(str(home.url.with_path("/live"))) as live:
            assert live.status == 200
            process.send_signal(signal.SIGTERM)
            assert await process.wait() == 0


@pytest.mark.parametrize(
    ("address", "port"),
    [
        ("http://localhost:9123", 9123),
        ("http://127.0.0.1", 80),
        ("https://localhost:8443", 8443),
        ("https://hours.example.com", 8400),
        ("https://hours.example.com:444", 8400),
    ],
)
def test_the_port_is_the_addresss_where_that_is_on_this_machine(settings: Settings, address: str, port: int) -> None:
    assert default_port(settings.model_copy(update={"hourstream_console_url": address})) == port
