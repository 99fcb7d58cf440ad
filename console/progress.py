"""A bar for what takes a while, on a terminal only."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from console import output
from worker.jobs.turns import ReconcileProgress


@contextmanager
def bar(*, hidden: bool = False) -> Iterator[Callable[[ReconcileProgress], None]]:
    """Shows what it is told; nothing where `hidden`, or where nobody watches."""
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[read]}"), TimeElapsedColumn())
    off = hidden or not output.screen.is_terminal
    with Progress(*columns, console=output.screen, transient=True, disable=off) as progress:
        task = progress.add_task("", total=None, read="")

        def tell(now: ReconcileProgress) -> None:
            of = f" of {now.total:,}" if now.total else ""
            progress.update(
                task,
                description=f"{now.what} ({now.step} of {now.steps})",
                completed=now.read,
                total=now.total or None,
                read=f"{now.read:,}{of}",
            )

        yield tell
