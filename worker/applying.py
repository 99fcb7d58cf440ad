"""Applying a setup: it becomes the one in force, and everything is judged again by it."""

from worker.setup import parse
from worker.store.store import Store


async def apply_setup(store: Store, text: str, by: str, *, expected: int | None = None) -> int:
    """Make this text the setup in force; gives its version. `expected`: the version that the change was made on.

    Raises `SetupError` for a text that is none, `ServiceError` when another was saved since.
    """
    setup = parse(text)
    stored = await store.setup.save(text, by, expected=expected)
    await store.set_preview(not setup.schedule.invoices.writes)
    await store.audit.write(by, "setup.saved", f"setup {stored.version}", {"version": stored.version})
    await store.inbox.request_resync(f"setup:{stored.version}", "")
    await store.bell.ring("reconcile")
    return stored.version
