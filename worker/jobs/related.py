"""related: a project got another client, a contact was linked, a person renamed: its entries are read again.

No event tells of it (that would take a Change Data Capture slot for each object on a mapped path): what changed in them
is asked for every few minutes. Reconciliation does the same over a longer span.
"""

from worker.context import Context
from worker.jobs.reconciling import RELATED, begin_related, end_related
from worker.jobs.turns import Turn, turn
from worker.store.passes import Pass, TurnLostError


async def related(ctx: Context) -> int:
    """One step; gives how many entries were put on the inbox. Raises the Salesforce client's errors."""
    loaded = await ctx.loaded()
    if loaded is None:
        return 0
    try:
        async with turn(ctx, loaded) as mine:
            if mine is None:
                return 0
            state = await mine.under_way(RELATED) or await begin_related(ctx, loaded)
            return 0 if state is None else await _go_on(mine, state)
    except TurnLostError:
        return 0


async def _go_on(turn: Turn, state: Pass) -> int:
    state = await turn.go_on(RELATED, state)
    if state.todo:
        await turn.ctx.store.schedule.again(RELATED)
        await turn.ctx.store.bell.ring(RELATED)
    else:
        await end_related(turn.ctx, turn.token, state)
    return state.related
