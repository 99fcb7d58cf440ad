"""The addresses of Queue."""

from console.web.ops import doorbells, items, journal, overview
from console.web.routing import Route, act, page

ROUTES: tuple[Route, ...] = (
    page(overview.PATH, overview.show, "viewer", menu="Queue"),
    page(f"{overview.PATH}/live", overview.live, "viewer", quiet=True),
    act(f"{overview.PATH}/pause", overview.pause, "operator"),
    act(f"{overview.PATH}/resume", overview.resume, "operator"),
    page(items.PATH, items.show, "viewer"),
    act(items.PATH, items.steer, "operator"),
    page(doorbells.PATH, doorbells.show, "viewer"),
    act(doorbells.PATH, doorbells.silence, "operator"),
    page(journal.PATH, journal.show, "viewer"),
    page(f"{journal.PATH}.csv", journal.download, "viewer"),
)
