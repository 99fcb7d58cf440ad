"""What the Setup pages do that takes longer than a page waits, one of each for the whole console."""

from dataclasses import dataclass, field

from aiohttp import web
from msgspec import Struct

from console.doctor import Finding
from console.previewing import Samples
from console.syncing import SyncView
from console.web.background import Background
from console.weighing import Weighed
from worker.setup import Problem


class Weighing(Struct, frozen=True, kw_only=True):
    """A setup that may come into force: what both services say against it, and what it does to drafts."""

    problems: tuple[Problem, ...] = ()
    weighed: Weighed = Weighed()
    calls: str = ""


@dataclass
class Progress:
    """How far a sync is: who began it when, and its steps, the last of which is under way."""

    who: str
    at: str
    begun: list[str]


@dataclass
class Working:
    """Everything under way or done lately."""

    weighing: Background[Weighing] = field(default_factory=Background)
    switching: Background[Weighing] = field(default_factory=Background)
    checks: Background[list[Finding]] = field(default_factory=Background)
    sync: Background[SyncView] = field(default_factory=Background)
    progress: Progress | None = None
    samples: Samples = field(default_factory=Samples)

    async def close(self, _: web.Application) -> None:
        """The console ends: what is due is found again by whoever comes next."""
        for each in (self.weighing, self.switching, self.checks, self.sync):
            await each.close()


WORKING: web.AppKey[Working] = web.AppKey("working", Working)


def install(app: web.Application) -> None:
    """For an application with the Setup pages."""
    app[WORKING] = Working()
    app.on_shutdown.append(app[WORKING].close)
