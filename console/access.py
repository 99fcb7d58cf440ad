"""Who may use the console: what the Access page and `hourstream access` both do, with its audit entry."""

from msgspec import Struct

from worker.errors import ServiceError
from worker.store.links import Invited
from worker.store.people import Member, Role, Way
from worker.store.store import Store

START = "command line"  # who acts, in the audit trail, where nobody is signed in


class MemberView(Struct, frozen=True, kw_only=True):
    """Somebody with a role. `person` is their id; `sessions` counts browsers that are signed in, `known` tells whether
    they ever were."""

    person: str
    name: str
    way: Way
    role: Role
    by: str
    since: str
    known: bool
    sessions: int


async def members(store: Store) -> list[MemberView]:
    """Everybody with a role, by name."""
    await store.people.settle()
    counts = await store.sessions.counts()
    return [_view(member, counts[member.id]) for member in await store.people.all()]


async def one(store: Store, id_: str) -> MemberView:
    """One of them. Raises `ServiceError` when nobody has this id."""
    member = await _found(store, id_)
    return _view(member, (await store.sessions.counts())[member.id])


async def grant(store: Store, by: str, way: Way, name: str, role: Role) -> Member:
    """Give a role, or change it. Raises `ServiceError` for a name that will not do, and where no administrator would
    be left."""
    member = await store.people.grant(way, name, role, by)
    await store.audit.write(by, "access.granted", member.id, {"role": role})
    return member


async def revoke(store: Store, by: str, id_: str) -> Member:
    """Take the role; every session ends at once. Raises `ServiceError` when nobody has it, and for the last
    administrator."""
    member = await _found(store, id_)
    await store.people.revoke(member.id)
    await store.audit.write(by, "access.revoked", member.id, {"role": member.role})
    return member


async def sign_out(store: Store, by: str, id_: str) -> Member:
    """End every session; the role stays. Raises `ServiceError` when nobody has this id."""
    member = await store.people.sign_out((await _found(store, id_)).id)
    if member is None:
        raise _nobody(id_)
    await store.audit.write(by, "access.signed-out", member.id, {})
    return member


async def one_time_link(
    store: Store, console_url: str, *, who: str = "administrator", role: Role = "administrator", by: str = START
) -> str:
    """The address that signs one browser in, once, within 15 minutes, as `who`, who is given the role.

    Raises `ServiceError` for a name that will not do.
    """
    await store.people.settle()
    return await link_for(store, console_url, await store.people.grant("link", who, role, by))


async def link_for(store: Store, console_url: str, member: Member) -> str:
    """The same for somebody who has a role."""
    token = await store.links.make(Invited(who=member.name, role=member.role))
    return f"{console_url.rstrip('/')}/link/{token}"


async def link(store: Store, by: str, id_: str, console_url: str) -> str:
    """A one-time link for somebody who signs in by links. Raises `ServiceError` for everybody else."""
    member = await _found(store, id_)
    if member.way != "link":
        raise ServiceError(f"{member.name} signs in with {member.way.title()}.", "They need no link.")
    address = await link_for(store, console_url, member)
    await store.audit.write(by, "access.link-made", member.id, {"role": member.role})
    return address


async def _found(store: Store, id_: str) -> Member:
    way, _, name = id_.partition(":")
    member = await store.people.get(f"{way}:{name.strip().casefold()}")
    if member is None:
        raise _nobody(id_)
    return member


def _nobody(id_: str) -> ServiceError:
    return ServiceError(f"Nobody has a role as {id_}.", "The Access page and `hourstream access list` name everybody.")


def _view(member: Member, sessions: int) -> MemberView:
    return MemberView(
        person=member.id,
        name=member.name,
        way=member.way,
        role=member.role,
        by=member.by,
        since=member.since,
        known=bool(member.subject) or sessions > 0,
        sessions=sessions,
    )
