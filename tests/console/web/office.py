"""A deployment with both services, and a browser that is signed in to its console."""

from dataclasses import dataclass

from tests.console.web.console_support import Browser
from tests.worker.jobs.jobs_world import World


@dataclass
class Office:
    """A deployment, and a browser that is signed in to its console."""

    world: World
    browser: Browser

    async def page(self, path: str, status: int = 200) -> str:
        response, text = await self.browser.get(path)
        assert response.status == status, text
        return text

    async def send(self, path: str, status: int = 303, **form: str) -> str:
        """A form; the names of its fields with `_` at the end where Python has the word."""
        fields = {name.rstrip("_").replace("__", "-"): value for name, value in form.items()}
        response, text = await self.browser.send(path, fields)
        assert response.status == status, text
        return text

    async def log(self, project: str = "Harrow", time: str = "1.00", **fields: object) -> str:
        """Time that everybody has heard of; gives the record."""
        record = self.world.log(project, time, **fields)
        await self.world.tell(record)
        await self.world.work()
        return record
