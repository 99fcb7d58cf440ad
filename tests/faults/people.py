"""What people do meanwhile: log and edit time, change and approve invoices, decide. Each act follows from a seed."""

import asyncio
import inspect
from collections.abc import Callable
from random import Random

from redis.exceptions import RedisError

from tests.faults.deployment import SETUP
from tests.faults.witness import Witness
from tests.worker.jobs.jobs_histories import ACCOUNT, SETUPS, History
from tests.worker.jobs.jobs_world import Json, World
from worker.applying import apply_setup

LOOKS = ("look", "fault")  # acts of `History` that are not a person's


class People(History):
    """The acts of `History`, without its workers: real processes work here."""

    def __init__(self, world: World, seed: int) -> None:
        super().__init__(world, seed, edits=True, wipes=False, decides=True)
        self.acts = [act for act in self.acts if act.__name__ not in LOOKS]
        self.witness = Witness(world.stand)

    async def act(self, name: str, seed: int) -> None:
        """Do it. What Xero or Salesforce refuses a person, or a store that is away, leaves it undone."""
        self.chance = Random(seed)
        self.told.append(name)
        self.witness.look()
        try:
            done = self._act(name)()
            self.witness.note()
            if inspect.isawaitable(done):
                async with asyncio.timeout(2):
                    await done
        except (ValueError, RedisError, OSError, TimeoutError) as refused:
            self.told.append(f"  {name} was refused: {refused}")

    def _act(self, name: str) -> Callable[[], object]:
        return next(act for act in self.acts if act.__name__ == name)

    async def provoke(self, chance: Random, *, on_a_draft: bool = False) -> None:
        """Log time, so that there is something to read, to write and to write back.

        `on_a_draft`: time that goes on a draft that is there already, where there is one.
        """
        drafts = {one["Contact"]["ContactID"] for one in self.world.documents() if one["Status"] == "DRAFT"}
        names = [name for name, contact in sorted(self.world.clients.items()) if contact in drafts]
        if not on_a_draft or not names:
            await self.act("log", chance.getrandbits(32))
            return
        self.told.append("log on a draft")
        self.logged.append(self.world.log(chance.choice(names), chance.choice(("0.50", "1.25", "3.33"))))

    async def pause(self, seconds: float) -> None:
        """Meanwhile nothing happens."""
        await asyncio.sleep(seconds)

    async def set_up(self) -> None:
        """A person changes how it is grouped, or how corrections are billed."""
        more = self.chance.choice(SETUPS)
        text = f"{SETUP}\n{more}\n" if more.startswith("[") else SETUP.replace(ACCOUNT, f"{ACCOUNT}\n{more}")
        await apply_setup(self.world.ctx.store, text, by="Pat")

    def draft(self, chance: Random) -> list[tuple[Json, list[Json]]]:
        """One draft with time on it, and its lines as they may be sent back; or none."""
        self.chance = chance
        return self._draft()

    def live(self) -> list[str]:
        """The entries that were logged and are not deleted."""
        return [entry for entry in self.logged if not self.world.record(entry)["IsDeleted"]]

    def refusable(self, act: str, **how: object) -> None:
        """What a person tries in Xero; where Xero refuses, it is left undone."""
        self.witness.look()
        try:
            self.world.act(act, **how)
            self.witness.note()
        except ValueError as refused:
            self.told.append(f"  {act} was refused: {refused}")
