"""The keys that encrypt what is secret at rest: from HOURSTREAM_SECRET_KEY, else from HOURSTREAM_DATA/secret.key.

Both hold one key or more, newest first: the newest encrypts, all of them decrypt.
"""

from collections.abc import Callable
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from worker.errors import ConfigurationError
from worker.logs import hide
from worker.store import disk

REMEDY = (
    "HOURSTREAM_SECRET_KEY takes one or more Fernet keys, comma-separated, newest first; `hourstream up` makes a key "
    "in HOURSTREAM_DATA/secret.key when there is none."
)


def key_file(data: Path) -> Path:
    """Where the key is when the environment gives none."""
    return data / "secret.key"


def ensure_secret_key(data: Path) -> Path:
    """Make the key file where there is none, readable by its owner alone; returns its path.

    Two processes that do this at once end with one key.
    """
    path = key_file(data)
    if not path.exists():
        disk.create_once(path, Fernet.generate_key() + b"\n")
    return path


class KeyRing(MultiFernet):
    """Knows the keys, and looks for new ones when something was encrypted with a key it does not know.

    So `hourstream secrets rotate` needs no process to be started again where the keys are in the file.
    """

    def __init__(self, read: Callable[[], list[str]]) -> None:
        self._read, self._keys = read, read()
        super().__init__([Fernet(key) for key in self._keys])

    def decrypt(self, msg: bytes | str, ttl: int | None = None) -> bytes:
        """The plain text. Raises `InvalidToken`."""
        try:
            return super().decrypt(msg, ttl)
        except InvalidToken:
            if not self._found_more():
                raise
            return super().decrypt(msg, ttl)

    def _found_more(self) -> bool:
        try:
            keys = self._read()
        except (ConfigurationError, OSError):
            return False
        if keys == self._keys:
            return False
        self._keys = keys
        super().__init__([Fernet(key) for key in keys])
        return True


def load_cipher(given: str | None, data: Path) -> KeyRing:
    """The cipher of this deployment.

    `given` is the value of HOURSTREAM_SECRET_KEY. Raises `ConfigurationError` where there is no key or a malformed one.
    """
    return KeyRing(lambda: secret_keys(given, data))


def secret_keys(given: str | None, data: Path) -> list[str]:
    """The keys of this deployment, newest first. Raises as `load_cipher`."""
    text = (given or "").strip()
    source = "HOURSTREAM_SECRET_KEY"
    if not text:
        source = str(key_file(data))
        text = (disk.read_bytes(key_file(data)) or b"").decode(errors="replace").strip()
    if not text:
        raise ConfigurationError(f"There is no key to encrypt sign-ins with: {source} is missing or empty.", REMEDY)
    keys = text.replace(",", " ").split()
    try:
        for key in keys:
            Fernet(key)
    except ValueError as error:
        raise ConfigurationError(f"{source} does not hold a Fernet key: {error}", REMEDY) from error
    hide(keys)
    return keys


def add_key(data: Path) -> None:
    """Put a new key before those in the key file. Two processes that do this at once add one each."""
    with disk.locked(_lock(data)):
        _write(data, [Fernet.generate_key().decode(), *secret_keys(None, data)])


def drop_keys(data: Path, keep: int) -> int:
    """Leave the `keep` newest keys in the key file; gives how many went."""
    with disk.locked(_lock(data)):
        keys = secret_keys(None, data)
        if len(keys) > keep:
            _write(data, keys[:keep])
        return max(0, len(keys) - keep)


def _write(data: Path, keys: list[str]) -> None:
    disk.write_atomic(key_file(data), "".join(f"{key}\n" for key in keys).encode())


def _lock(data: Path) -> Path:
    return data / ".secret.lock"
