"""Every page, on a phone and on a wide window, in light and in dark: readable, usable, and no wider than the window."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from console.demo.run import setup_text
from tests.browser.person import Person, overflow, window
from tests.browser.processes import stand_ins, up
from tests.browser.story import PAGES

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]


@dataclass(frozen=True)
class Signed:
    """A deployment that works, and the cookies of somebody who is signed in to it."""

    address: str
    cookies: Any


@pytest.fixture(scope="module")
def signed(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Signed]:
    folder = tmp_path_factory.mktemp("pages")
    setup = folder / "setup.toml"
    setup.write_text(setup_text(), "utf-8")
    with (
        stand_ins(folder) as stand,
        up(folder, dict(stand.environment) | {"HOURSTREAM_SETUP": str(setup)}) as deployment,
        window(browser, deployment.address) as (context, page, _),
    ):
        person = Person(page, folder)
        person.go(deployment.link)
        person.click("Sign in")
        person.reads("All time changed up to")
        yield Signed(deployment.address, context.storage_state())


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("phone", [False, True], ids=["wide", "phone"])
def test_everybody_can_use_every_page(
    browser: Browser, signed: Signed, pictures: Path, phone: bool, dark: bool
) -> None:
    shots = pictures / f"{'phone' if phone else 'wide'} {'dark' if dark else 'light'}"
    shots.mkdir()
    with window(browser, signed.address, phone=phone, dark=dark, cookies=signed.cookies) as (_, page, troubles):
        person = Person(page, shots, troubles=troubles)
        wider = {}
        for name, path in PAGES.items():
            person.go(f"{signed.address}{path}")
            person.look(name)
            if overflow(page) > 0:
                wider[name] = overflow(page)
        assert wider == {}, "wider than the window, by so many pixels"


def test_the_menu_is_reached_by_keyboard_after_the_way_to_the_content(browser: Browser, signed: Signed) -> None:
    with window(browser, signed.address, cookies=signed.cookies) as (_, page, _):
        page.goto(signed.address)
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "Skip to content"
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "main"
        reached = set()
        for _ in range(60):
            page.keyboard.press("Shift+Tab")
            reached.add(page.evaluate("document.activeElement.textContent").strip())
            if "Skip to content" in reached:
                break
        menu = page.get_by_role("navigation", name="Main").get_by_role("link").all_inner_texts()
        assert {*menu, "Ask", "Sign out"} <= reached
