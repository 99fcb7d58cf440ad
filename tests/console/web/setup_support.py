"""What tests of the Setup pages share: the form of step 5, the draft, and the way through Save."""

import re
from html import unescape

from console import drafting
from tests.console.web.office import Office

BILLING = {
    "start": "2026-11-01", "period": "month", "close_after": "5d", "invoice_date": "period-end", "lock_date": "warn",
    "at_close": "draft", "description": "{project} · {person}", "reference": "{period}", "numbering": "series",
    "number_prefix": "TT-", "revenue_account": "200", "tax_type": "", "amounts": "", "due_days": "", "correct": "ask",
    "correct_after": "1d", "decrease": "credit-note", "round_minutes": "0", "round_mode": "nearest",
    "round_per": "entry", "minimum_invoice": "0", "show_non_billable": "no", "attach_timesheet": "yes",
    "line_per": "project",
}  # fmt: skip


async def typed(office: Office, path: str, status: int = 303, **form: str) -> str:
    """A form of step 5 with some values changed."""
    response, text = await office.browser.send(path, {**BILLING, **form})
    assert response.status == status, text
    return unescape(text)


async def draft(office: Office) -> drafting.Draft:
    return await drafting.draft(office.world.ctx.store)


async def version(office: Office) -> int:
    stored = await office.world.ctx.store.setup.current()
    assert stored is not None
    return stored.version


async def saved(office: Office) -> str:
    """Press Save on the page that shows what changes."""
    page = await office.page("/setup/save")
    found = re.search(r'name="seen" value="([^"]+)"', page)
    assert found, page
    await office.send("/setup/save", seen=found[1])
    return unescape(await office.page("/setup"))
