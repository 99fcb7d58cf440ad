"""Every command of docker-compose.yml, run natively: the `sandbox` profile as plain processes on loopback."""

import asyncio
import os
import re
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import yaml

from console import queueview, readmodel
from worker.main import open_store
from worker.settings import Settings
from worker.store.embedded import find_binary

ROOT = Path(__file__).parents[1]
WITHIN = 60.0


def services() -> dict[str, dict[str, Any]]:
    """The services of the compose file."""
    found: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))["services"]
    return found


class Profile:
    """The `sandbox` profile with its ports replaced by free ones and its volumes by folders."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.services = services()
        named = ["6379", "8461", "8462", "8463", "8400"]
        self.ports = dict(zip(named, _free_ports(len(named)), strict=True))

    def native(self, text: str) -> str:
        """A word of the file as it is here."""
        text = re.sub(r"\b(6379|8461|8462|8463|8400)\b", lambda match: self.ports[match[0]], text)
        return text.replace("/setup.toml", str(ROOT / "docs" / "setup-example.toml"))

    def command(self, name: str) -> list[str]:
        """The command line of a service."""
        command = self.services[name]["command"]
        if isinstance(command, str):
            words = command.split()
            assert words[0] == "valkey-server"
            return [find_binary(), *words[1:], "--port", self.ports["6379"], "--dir", str(self.folder)]
        return [sys.executable, "-m", "console", *(self.native(str(word)) for word in command)]

    def environment(self, name: str) -> dict[str, str]:
        """Its environment, beside what this machine's has of no deployment."""
        kept = {
            key: value
            for key, value in os.environ.items()
            if not key.startswith(("SALESFORCE", "XERO", "HOUR", "REDIS"))
        }
        given = {key: self.native(str(value)) for key, value in (self.services[name].get("environment") or {}).items()}
        if "HOURSTREAM_DATA" in given:
            given["HOURSTREAM_DATA"] = str(self.folder / "data")
        return kept | given | {"PYTHONPATH": str(ROOT)}

    @asynccontextmanager
    async def running(self, name: str) -> AsyncIterator[asyncio.subprocess.Process]:
        """The service as a process; it must end with exit code 0 when it is told to stop."""
        process = await asyncio.create_subprocess_exec(
            *self.command(name), env=self.environment(name), cwd=self.folder, stdout=asyncio.subprocess.DEVNULL
        )
        try:
            yield process
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(WITHIN):
                code = await process.wait()
            assert code == 0, f"{name} ended with {code}"


def _free_ports(count: int) -> list[str]:
    held = [socket.socket() for _ in range(count)]
    for each in held:
        each.bind(("127.0.0.1", 0))
    ports = [str(each.getsockname()[1]) for each in held]
    for each in held:
        each.close()
    return ports


async def test_the_profile_with_stand_ins_makes_invoices_and_every_part_stops_when_told(tmp_path: Path) -> None:
    profile = Profile(tmp_path)
    async with AsyncExitStack() as stack:
        for name in ("sandbox-redis", "sandbox"):
            await stack.enter_async_context(profile.running(name))
        async with profile.running("sandbox-key") as key:
            await key.wait()
        await _listening(profile.ports["6379"], profile.ports["8461"], profile.ports["8463"])
        for name in ("sandbox-listener", "sandbox-worker", "sandbox-console"):
            await stack.enter_async_context(profile.running(name))
        environment = profile.environment("sandbox-worker")
        settings = Settings(redis_url=environment["REDIS_URL"], hourstream_data=tmp_path / "data")
        async with open_store(settings, bells=False) as store, asyncio.timeout(WITHIN):
            while len(await readmodel.invoices(store)) < 6:
                await asyncio.sleep(0.1)
            view = await queueview.queue(store)
        assert len(view.workers) == 1
        assert view.listener is not None
        health = f"http://127.0.0.1:{profile.ports['8400']}/healthz"
        async with asyncio.timeout(WITHIN), aiohttp.ClientSession() as http, http.get(health) as answer:
            assert answer.status == 200


async def _listening(*ports: str) -> None:
    async with asyncio.timeout(WITHIN):
        for port in ports:
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", int(port))
                except OSError:
                    await asyncio.sleep(0.05)
                    continue
                writer.close()
                await writer.wait_closed()
                break


def test_the_parts_of_a_real_deployment_run_the_same_commands_as_those_with_stand_ins() -> None:
    found = services()
    for real, tried in (("listener", "sandbox-listener"), ("worker", "sandbox-worker"), ("console", "sandbox-console")):
        assert found[real]["command"] == found[tried]["command"]
    assert found["redis"]["command"] == found["sandbox-redis"]["command"]
    assert found["key"]["command"] == found["sandbox-key"]["command"]
    options = dict(zip(*(iter(found["redis"]["command"].split()[1:]),) * 2, strict=False))
    assert options["--appendonly"] == "yes"
    assert options["--appendfsync"] == "always"
    assert options["--maxmemory-policy"] == "noeviction"
    assert found["redis"]["volumes"]
    assert found["redis"]["healthcheck"]
