"""The whole story of a newcomer, in a browser, against real processes."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser import story
from tests.browser.person import Person, window
from tests.browser.processes import stand_ins, up
from tests.browser.story import Scene

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]

FIRST_DRAFT_WITHIN = 12  # interactions
AFTERWARDS = (
    story.goes_live,
    story.gets_contacts_and_generates_invoices,
    story.adds_a_user,
    story.watches_time_arrive,
    story.edits_a_draft_in_xero,
    story.approves_it_and_corrects_an_entry,
    story.disconnects_and_reconnects,
    story.pauses_and_resumes,
    story.retries_all,
)


def test_a_newcomer_sets_it_up_sees_it_work_and_steers_it(
    browser: Browser, pictures: Path, said: list[str], tmp_path: Path
) -> None:
    with (
        stand_ins(tmp_path) as stand,
        up(tmp_path, stand.addresses) as deployment,
        window(browser, deployment.address) as (_, page, troubles),
    ):
        person = Person(page, pictures, troubles=troubles)
        scene = Scene(person, stand, deployment, datetime.now(UTC).date().replace(day=1).isoformat())
        story.signs_in(scene)
        story.is_known_to_both_services(scene)
        story.types_the_apps(scene)
        person.interactions = 0
        story.connects_salesforce(scene)
        story.connects_xero(scene)
        story.sets_up(scene)
        story.creates_one_draft(scene)
        said.append(f"From the two apps' ids to the first draft: {person.interactions} interactions.")
        assert person.interactions <= FIRST_DRAFT_WITHIN
        for chapter in AFTERWARDS:
            chapter(scene)
