"""Another key for what is secret at rest: made or taken, everything encrypted anew, older keys let go."""

import asyncio

import msgspec

from worker.errors import ConfigurationError
from worker.main import open_store
from worker.settings import Settings
from worker.store.secrets import add_key, drop_keys, key_file, secret_keys

KEPT = 2  # the newest, and the one before: a process that has not met the newest yet still encrypts with it


class Rotated(msgspec.Struct, frozen=True, kw_only=True):
    """What was done. `source` is where the keys are, `redis` and `disk` how many secrets were encrypted anew there."""

    source: str
    made: bool
    redis: int
    disk: int
    dropped: int
    text: str


async def rotate_keys(settings: Settings) -> Rotated:
    """Do it.

    Raises `ConfigurationError` when HOURSTREAM_SECRET_KEY holds no second key, or something stored was encrypted with a
    key that is not there; `ServiceError` when Redis does not answer.
    """
    given = settings.hourstream_secret_key
    return await (_in_file(settings) if given is None else _in_environment(settings, given.get_secret_value()))


async def _in_file(settings: Settings) -> Rotated:
    data = settings.hourstream_data
    await asyncio.to_thread(secret_keys, None, data)
    async with open_store(settings, bells=False):  # before a key is made: Redis may be away
        await asyncio.to_thread(add_key, data)
    async with open_store(settings, bells=False) as store:
        done = await store.tokens.reseal()
        dropped = await asyncio.to_thread(drop_keys, data, KEPT)
        await store.audit.write("command line", "secrets.rotate", str(key_file(data)), {"disk": done.disk})
    text = (
        f"A new key is in {key_file(data)}; {_count(done.redis, done.disk)}. "
        "What runs finds it by itself. Back up the file; backups of the data from before need the old one."
    )
    return Rotated(source=str(key_file(data)), made=True, redis=done.redis, disk=done.disk, dropped=dropped, text=text)


async def _in_environment(settings: Settings, given: str) -> Rotated:
    if len(secret_keys(given, settings.hourstream_data)) < 2:
        raise ConfigurationError(
            "HOURSTREAM_SECRET_KEY holds one key: there is nothing to change to.",
            "Put a new Fernet key before it, with a comma between them, restart every process, and run this again.",
        )
    async with open_store(settings, bells=False) as store:
        done = await store.tokens.reseal()
        await store.audit.write("command line", "secrets.rotate", "HOURSTREAM_SECRET_KEY", {"disk": done.disk})
    text = (
        f"{_count(done.redis, done.disk).capitalize()} with the first key of HOURSTREAM_SECRET_KEY. Once every process "
        "was restarted with it, take the others out; backups of the data from before need them."
    )
    return Rotated(source="HOURSTREAM_SECRET_KEY", made=False, redis=done.redis, disk=done.disk, dropped=0, text=text)


def _count(redis: int, on_disk: int) -> str:
    return f"{redis} secrets in Redis and {on_disk} on disk are encrypted anew"
