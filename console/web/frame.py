"""What stands around every page: the menu, and the marks that say what one is looking at."""

from typing import Literal

from aiohttp import web
from msgspec import Struct

from console.web.home import Setups
from worker.store.store import Store

SETUPS: web.AppKey[Setups] = web.AppKey("setups", Setups)


class Frame(Struct, frozen=True, kw_only=True):
    """The marks: the company that is invoiced, TEST or LIVE, and whether anything is written to it."""

    company: str = ""
    kind: Literal["TEST", "LIVE", ""] = ""  # "" while no company is known
    mode: Literal["Preview", "Live", "Off", ""] = ""  # "" while there is no setup


FRAME: web.RequestKey[Frame] = web.RequestKey("frame", Frame)


async def read_frame(store: Store, setups: Setups) -> Frame:
    """The marks of this moment."""
    company = await store.company.get()
    setup, _ = setups.read(await store.setup.current())
    return Frame(
        company=(company.name or company.tenant) if company else "",
        kind=("TEST" if company.demo else "LIVE") if company else "",
        mode=_mode(str(setup.schedule.invoices)) if setup else "",
    )


def _mode(invoices: str) -> Literal["Preview", "Live", "Off"]:
    return "Preview" if invoices == "preview" else "Off" if invoices == "off" else "Live"
