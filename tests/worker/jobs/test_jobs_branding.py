"""Branding themes on the way to Xero: named at the create only, and waited for where Xero has none of that name."""

from dataclasses import replace

from tests.worker.jobs.jobs_oracle import oracle
from tests.worker.jobs.jobs_world import SETUP, World, hours
from worker.applying import apply_setup


async def branded(world: World, theme: str) -> None:
    """The setup names this theme."""
    await apply_setup(world.ctx.store, SETUP.replace("[billing]\n", f'[billing]\nbranding = "{theme}"\n'), by="test")
    await world.work()


def themes(world: World) -> dict[str, str]:
    """Ids of the company's themes by name."""
    return {theme.name: theme.id for theme in world.stand.xero.books.themes.values()}


async def billed(world: World, *records: str) -> None:
    """These were heard of and everything is at rest."""
    await world.tell(*records)
    await world.work()


async def test_a_draft_is_created_with_the_setups_theme_and_a_contacts_own_goes_first(world: World) -> None:
    await branded(world, "Special projects")
    world.act("contact-theme", id=world.clients["Northgate"], theme="Standard")
    await world.run("contacts")
    await billed(world, world.log("Harrow"), world.log("Northgate"))
    known = themes(world)
    assert world.draft("Harrow")["BrandingThemeID"] == known["Special projects"]
    assert world.draft("Northgate")["BrandingThemeID"] == known["Standard"]


async def test_the_theme_a_person_chose_on_a_draft_stays(world: World) -> None:
    await branded(world, "Special projects")
    await billed(world, world.log("Harrow", "1.00"))
    draft, standard = world.draft("Harrow"), themes(world)["Standard"]
    world.act("write", id=draft["InvoiceID"], body={"BrandingThemeID": standard})
    await billed(world, world.log("Harrow", "2.00"))
    draft = world.draft("Harrow")
    assert (hours(draft), draft["BrandingThemeID"]) == (3, standard)
    await oracle(world)


async def test_time_waits_for_a_theme_that_xero_lacks_and_goes_on_once_it_is_there(world: World) -> None:
    await branded(world, "Glossy")
    await billed(world, world.log("Harrow"))
    assert list((await world.waiting()).values()) == ["branding-invalid"]
    books = world.stand.xero.books
    one = next(iter(books.themes.values()))
    books.themes[one.id] = replace(one, name="Glossy")
    await world.run("contacts")
    await world.work()
    assert world.draft("Harrow")["BrandingThemeID"] == one.id
