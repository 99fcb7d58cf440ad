"""A person in front of a browser: what they click and type, what they see, and whether everybody could use it."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

Role = Literal["button", "link", "checkbox", "radio"]

PATIENCE = 60_000  # milliseconds: the machine may be busy
WIDE, PHONE = {"width": 1280, "height": 900}, {"width": 360, "height": 780}
SERIOUS = frozenset({"serious", "critical"})

expect.set_options(timeout=PATIENCE)


@dataclass
class Person:
    """Somebody with one browser. `interactions`: clicks, and fields typed into or chosen from."""

    page: Page
    shots: Path
    interactions: int = 0
    seen: list[str] = field(default_factory=list)  # names of the pages that were looked at
    troubles: list[str] = field(default_factory=list)  # what the browser complained of on our own pages

    # ---- doing -----------------------------------------------------------------------------------------------------

    def go(self, address: str) -> None:
        """Type an address, or use a bookmark."""
        self.page.goto(address)

    def click(self, name: str, role: Role = "button", within: str = "") -> None:
        """Click what has this name, the first of them (in the part that `within` selects)."""
        self.interactions += 1
        self._in(within).get_by_role(role, name=name, exact=True).first.click()

    def click_part(self, name: str, role: Role = "button") -> None:
        """Click what has this in its name."""
        self.interactions += 1
        self.page.get_by_role(role, name=re.compile(name)).first.click()

    def type(self, label: str, text: str, within: str = "") -> None:
        """Type into the field with this label."""
        self.interactions += 1
        self._in(within).get_by_label(label, exact=True).first.fill(text)

    def choose(self, label: str, option: str, within: str = "") -> None:
        """Choose from a list."""
        self.interactions += 1
        self._in(within).get_by_label(label, exact=True).first.select_option(label=option)

    def menu(self, title: str) -> None:
        """Go to a page of the menu."""
        self.interactions += 1
        self.page.get_by_role("navigation", name="Main").get_by_role("link", name=title, exact=True).click()

    def step(self, title: str) -> None:
        """Go to a step of Setup."""
        self.interactions += 1
        self.page.get_by_role("navigation", name="Steps of the setup").get_by_role("link", name=title).click()

    @contextmanager
    def uncounted(self) -> Iterator[None]:
        """What is done in this block is not counted."""
        before = self.interactions
        yield
        self.interactions = before

    @contextmanager
    def tab(self) -> Iterator["Person"]:
        """The same person in another tab of the same browser; what is done there is not counted here."""
        page = self.page.context.new_page()
        yield replace(self, page=page)
        page.close()

    # ---- seeing ----------------------------------------------------------------------------------------------------

    def reads(self, text: str | re.Pattern[str], within: str = "main") -> None:
        """It stands there, sooner or later, without a reload."""
        expect(self.page.locator(within)).to_contain_text(text)

    def reads_not(self, text: str, within: str = "main") -> None:
        """It does not stand there (any more)."""
        expect(self.page.locator(within)).not_to_contain_text(text)

    def reads_in_time(self, text: str, within: str = "main") -> None:
        """It stands there after so many reloads as it takes: for pages that do not change by themselves."""
        for _ in range(PATIENCE // 1000):
            if text in self._in(within).inner_text():
                return
            self.page.wait_for_timeout(1000)
            self.page.reload()
        self.reads(text, within)

    def at(self, path: str) -> None:
        """The browser is on this page."""
        expect(self.page).to_have_url(re.compile(rf"{re.escape(path)}(\?.*)?(#.*)?$"))

    def look(self, name: str) -> None:
        """Keep a picture of the page, and see that everybody can use it."""
        self.page.wait_for_load_state()
        expect(self.page.locator('[aria-busy="true"]')).to_have_count(0)
        self.seen.append(name)
        self.page.screenshot(path=self.shots / f"{len(self.seen):02} {name}.png", full_page=True)
        found = [*hindrances(self.page), *self.troubles]
        assert not found, f"{name} ({self.page.url}): {found}"

    def _in(self, selector: str) -> Locator:
        return self.page.locator(selector or "body").first


def hindrances(page: Page) -> list[str]:
    """What axe-core finds serious or critical."""
    found: list[dict[str, Any]] = Axe().run(page).response["violations"]
    return [
        f"{each['id']}: {each['help']}: {json.dumps([node['target'] for node in each['nodes'][:3]])}"
        for each in found
        if each["impact"] in SERIOUS
    ]


def overflow(page: Page) -> int:
    """By how many pixels the page is wider than its window."""
    width: int = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return width


@contextmanager
def window(
    browser: Browser, own: str, *, phone: bool = False, dark: bool = False, cookies: Any = None
) -> Iterator[tuple[BrowserContext, Page, list[str]]]:
    """A browser of its own, with `cookies` where somebody is signed in already; and what it complained of on pages of
    the address `own`: scripts that failed, content that the policy refused, files that were not there."""
    context = browser.new_context(
        viewport=PHONE if phone else WIDE,
        color_scheme="dark" if dark else "light",
        reduced_motion="reduce",
        storage_state=cookies,
    )
    context.set_default_timeout(PATIENCE)
    troubles: list[str] = []
    page = context.new_page()
    page.on("pageerror", lambda error: troubles.append(f"{page.url}: {error}"))
    page.on(
        "console",
        lambda said: troubles.append(f"{page.url}: {said.text}") if _matters(said.type, page.url, own) else None,
    )
    try:
        yield context, page, troubles
    finally:
        context.close()


def _matters(kind: str, url: str, own: str) -> bool:
    return kind == "error" and url.startswith(own)
