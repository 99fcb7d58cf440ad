"""Numbers of credit notes: all that tells ours from others', for Xero keeps no address on a credit note.

Whether Xero refuses a number that is taken already is not documented for credit notes: so it is looked up before every
create.
"""

import re

import structlog

from worker.context import Context
from worker.store.intents import Intent

log = structlog.get_logger()


async def free_numbers(ctx: Context, intent: Intent) -> bool:
    """Whether Xero has none of this create's numbers yet; those it has are burned. Raises the client's errors."""
    numbers = {element.document.number: element for element in intent.elements}
    answer = await ctx.xero.invoices(numbers=list(numbers), kind="ACCRECCREDIT", patience=ctx.limits.fresh_read)
    there = {found.number for found in answer.items} | {odd.number for odd in answer.odd}
    taken = there & numbers.keys()
    for number in sorted(taken):
        await burn(ctx, number, numbers[number].key, numbers[number].document.sequence)
    return not taken


async def burn(ctx: Context, number: str, key: str, sequence: int) -> None:
    """A credit note in Xero has this number already: the series goes on behind it."""
    log.warning("credit_note_number_taken", number=number, key=key)
    await ctx.store.ledger.burn(key, sequence)
    digits = re.search(r"[0-9]+$", number)
    await ctx.store.ledger.raise_series(int(digits.group()) if digits else 0, "ACCRECCREDIT")
    detail = {"key": key, "why": "a credit note in Xero has it already"}
    await ctx.store.audit.write(ctx.who, "number burned", number, detail)
