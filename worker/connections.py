"""The two connections over time: a refused one rests, visibly, until somebody connects again; an idle one is used.

a job meets a refusal → `rest`: state "reconnect needed", the stages that need the service are paused
every minute → `look_after`: another token was stored, or credentials that need no person → try; it works → go on
"""

from collections.abc import Awaitable, Callable, Container

import structlog

from worker.context import Context
from worker.errors import ConnectionPaused, HourstreamError
from worker.salesforce.auth import SERVICE as SALESFORCE
from worker.salesforce.errors import LoginRefused, ReconnectNeeded
from worker.store.reconnects import Reconnect, Service
from worker.xero.auth import SERVICE as XERO
from worker.xero.config import OPTIONAL
from worker.xero.errors import BadCredentials, MissingScope, Paused

log = structlog.get_logger()

# What each job, by its own name or its list's, cannot do without.
NEEDS: dict[str, tuple[Service, ...]] = {
    "collect": (SALESFORCE,),
    "invoice": (XERO,),
    "invoices": (XERO,),
    "write_back": (SALESFORCE,),
    "contacts": (SALESFORCE, XERO),
    "statuses": (XERO,),
    "reconcile": (SALESFORCE,),
    "related": (SALESFORCE,),
    "rebuild": (SALESFORCE, XERO),
    "upkeep": (SALESFORCE,),
}
EVERY = 60.0  # seconds between two looks
IDLE = 7 * 86_400.0  # seconds: Xero lets a refresh token lapse after 60 days without use; eight chances to be down


def service_of(error: BaseException) -> Service | None:
    """Which connection an error says a person must mend; None where it says nothing of the kind."""
    if isinstance(error, Paused):
        return XERO
    return SALESFORCE if isinstance(error, LoginRefused) else None


def final(error: BaseException) -> bool:
    """Whether the consent itself was refused, and trying the same token again changes nothing.

    A wrong client secret is not: it may be corrected where it is kept.
    """
    return isinstance(error, Paused | ReconnectNeeded) and not isinstance(error, BadCredentials)


def rests(job: str, resting: Container[Service]) -> bool:
    """Whether a job waits for somebody to connect a service again."""
    return any(service in resting for service in NEEDS.get(job, ()))


async def rest(ctx: Context, error: HourstreamError) -> bool:
    """Let the connection rest that this error is about; gives whether it does.

    It does not where somebody connected again meanwhile and the refusal was about what there was before.
    """
    service = service_of(error)
    if service is None or await _replaced(ctx, service):
        return False
    if await _rests(ctx, service, error):
        log.warning("reconnect_needed", service=service, error=str(error))
        await ctx.store.audit.write(ctx.who, "connection.lost", service, {"why": error.what})
    return True


async def _replaced(ctx: Context, service: Service) -> bool:
    client = ctx.xero if service == XERO else ctx.salesforce
    replaced = await client.keeper.replaced()
    if replaced:
        client.forget()
    return replaced


async def look_after(ctx: Context) -> None:
    """Try what rests wherever that may work now, and use what was idle for too long. Never raises a service's error."""
    resting = await ctx.store.reconnects.all()
    for service, record in resting.items():
        if await _worth_a_try(ctx, record):
            await _try(ctx, service)
    idle = IDLE / ctx.settings.hourstream_time_scale
    keepers: dict[Service, Callable[[float], Awaitable[bool]]] = {
        XERO: ctx.xero.keeper.keep_alive,
        SALESFORCE: ctx.salesforce.keeper.keep_alive,
    }
    for service, keep_alive in keepers.items():
        if service not in resting:
            await _keep(ctx, service, keep_alive, idle)


async def _keep(ctx: Context, service: Service, keep_alive: Callable[[float], Awaitable[bool]], idle: float) -> None:
    try:
        if await keep_alive(idle):
            log.info("connection_kept_alive", service=service)
    except HourstreamError as error:
        if not await rest(ctx, error):
            log.warning("connection_not_kept_alive", service=service, error=str(error))


async def _worth_a_try(ctx: Context, record: Reconnect) -> bool:
    """A consent that was refused stays so; another token, or credentials that need no person, may do."""
    if not record.final or not (
        ctx.xero.keeper.signs_in if record.service == XERO else await ctx.salesforce.keeper.signs_in()
    ):
        return True
    return await ctx.store.tokens.fence(record.service) not in (0, record.fence)


async def _try(ctx: Context, service: Service) -> None:
    try:
        await (_xero(ctx) if service == XERO else _salesforce(ctx))
    except ConnectionPaused as error:
        await _rests(ctx, service, error, again=True)
    except HourstreamError as error:
        log.info("reconnect_not_tried", service=service, error=str(error))
    else:
        await ctx.store.reconnected(service)
        await ctx.store.audit.write(ctx.who, "connection.back", service, {})


async def _xero(ctx: Context) -> None:
    """Raises where the company is still out of reach, or a scope is missing that nothing works without."""
    ctx.xero.forget()
    await ctx.tenant()
    needed = [scope for scope in await ctx.xero.missing_scopes() if scope not in OPTIONAL]
    if needed:
        raise MissingScope(
            f"Xero's consent does not cover {', '.join(needed)}.",
            "Grant the missing scope, then connect to Xero again.",
        )


async def _salesforce(ctx: Context) -> None:
    ctx.salesforce.forget()
    await ctx.org()
    await ctx.salesforce.limits()  # a session of a sibling's may be over: a call tells


async def _rests(ctx: Context, service: Service, error: HourstreamError, *, again: bool = False) -> bool:
    if service == XERO:
        ctx.xero.forget()
    else:
        ctx.salesforce.forget()
    fence = await ctx.store.tokens.fence(service)
    return await ctx.store.needs_reconnect(
        service, error.what, error.remedy, ctx.who, fence, final=final(error), replace=again
    )
