"""Every address of the console in one declaration each: path, handler, who may, and its place in the menu."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from aiohttp import web
from aiohttp.typedefs import Handler

from worker.store.people import Role, allowed

Needs = Role | Literal["anyone"]
MENU = ("Home", "Invoices", "Month end", "People", "Contacts", "Setup", "Queue", "Access")


@dataclass(frozen=True, slots=True)
class Route:
    """One address. `needs` is the least role, "anyone" for what is reached without a session. `menu` is its entry in
    the menu, "" for none. `quiet` requests are made by pages, not people: they prolong no session."""

    method: str
    path: str
    handler: Handler | None
    needs: Needs
    menu: str = ""
    quiet: bool = False

    def open_to(self, role: Role) -> bool:
        """Whether somebody with this role may ask for it."""
        return self.needs == "anyone" or allowed(role, self.needs)


class UndeclaredRouteError(Exception):
    """An address was added to the application without saying who may reach it."""


def page(path: str, handler: Handler, needs: Needs, *, menu: str = "", quiet: bool = False) -> Route:
    """Something to look at: GET and HEAD. It changes nothing."""
    assert not menu or menu in MENU, f"{menu} has no place in the menu"
    return Route("GET", path, handler, needs, menu, quiet)


def act(path: str, handler: Handler, needs: Needs) -> Route:
    """Something that changes something: POST, from our own pages only."""
    return Route("POST", path, handler, needs)


@dataclass(frozen=True, slots=True)
class Routes:
    """The declarations of an application, by method and the path as the router names it."""

    declared: dict[tuple[str, str], Route] = field(default_factory=dict)

    def install(self, router: web.UrlDispatcher, routes: Iterable[Route]) -> None:
        """Add addresses to the application."""
        for route in routes:
            assert route.handler is not None, f"{route.path} has no handler"
            if route.method == "GET":
                added = router.add_get(route.path, route.handler, allow_head=not route.quiet)
            else:
                added = router.add_route(route.method, route.path, route.handler)
            self._declare(route, added.resource)

    def files(self, router: web.UrlDispatcher, prefix: str, folder: Path) -> None:
        """Add a folder of files for anyone."""
        self._declare(Route("GET", prefix, None, "anyone"), router.add_static(prefix, folder))

    def check(self, router: web.UrlDispatcher) -> None:
        """Raises `UndeclaredRouteError` for an address that was added in another way."""
        for route in router.routes():
            path = route.resource.canonical if route.resource else ""
            if self._find(route.method, path) is None:
                raise UndeclaredRouteError(
                    f"{route.method} {path} does not say who may reach it: declare it as a Route."
                )

    def of(self, request: web.Request) -> Route | None:
        """The declaration of what is asked for; None where there is no such address, or not by that method."""
        resource = request.match_info.route.resource
        return self._find(request.method, resource.canonical) if resource else None

    def menu(self, role: Role) -> Mapping[str, str]:
        """Title to path of the pages this role may see, in the menu's order."""
        found = {route.menu: route.path for route in self.declared.values() if route.menu and route.open_to(role)}
        return {title: found[title] for title in MENU if title in found}

    def _declare(self, route: Route, resource: web.AbstractResource | None) -> None:
        assert resource is not None, f"{route.path} leads nowhere"
        self.declared[(route.method, resource.canonical)] = route

    def _find(self, method: str, path: str) -> Route | None:
        return self.declared.get(("GET" if method == "HEAD" else method, path))


ROUTES: web.AppKey[Routes] = web.AppKey("routes", Routes)
