"""The key that encrypts what is secret at rest: from HOURSTREAM_SECRET_KEY, else from HOURSTREAM_DATA/secret.key."""

from pathlib import Path

from cryptography.fernet import Fernet, MultiFernet

from worker.errors import ConfigurationError
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


def load_cipher(given: str | None, data: Path) -> MultiFernet:
    """The cipher of this deployment: encrypts with the newest key, decrypts with any of them.

    `given` is the value of HOURSTREAM_SECRET_KEY. Raises `ConfigurationError` where there is no key or a malformed one.
    """
    text = (given or "").strip()
    source = "HOURSTREAM_SECRET_KEY"
    if not text:
        source = str(key_file(data))
        text = (disk.read_bytes(key_file(data)) or b"").decode(errors="replace").strip()
    if not text:
        raise ConfigurationError(f"There is no key to encrypt sign-ins with: {source} is missing or empty.", REMEDY)
    try:
        return MultiFernet([Fernet(key) for key in text.replace(",", " ").split()])
    except ValueError as error:
        raise ConfigurationError(f"{source} does not hold a Fernet key: {error}", REMEDY) from error
