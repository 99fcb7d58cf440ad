"""What Salesforce and the way to it do wrong, and what its administrators do."""

from functools import partial
from typing import Any

from sandbox.faults import Fault
from tests.faults.injectors.holding import QUERIES, WRITE_BACKS, armed, caught, faults_of
from tests.faults.registry import Scene, fault, register

DOWN = "Salesforce does not answer, or a permission is lost"
BACK = "An entry cannot be written back"
FLOW = "A Flow reacts to our write-back"
LINKS = "A project moves to another client"
LIMIT = '[{"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "TotalRequests Limit exceeded."}]'
LOCK = '[{"errorCode": "UNABLE_TO_LOCK_ROW", "message": "unable to obtain exclusive access to this record"}]'

TRANSIENT: dict[str, tuple[str, str, dict[str, str], dict[str, Any]]] = {
    "salesforce: 503": (DOWN, "status", QUERIES, {"status": 503}),
    "salesforce: 403 of the day's limit": (DOWN, "status", QUERIES, {"status": 403, "body": LIMIT}),
    "salesforce: answer dropped": (DOWN, "drop-after", QUERIES, {}),
    "salesforce: garbage": (DOWN, "garbage", QUERIES, {}),
    "salesforce: answer too late": (DOWN, "delay-after", QUERIES, {"delay": 45.0}),
    "salesforce: write-back dropped before": (BACK, "drop-before", WRITE_BACKS, {}),
    "salesforce: write-back done, then dropped": (BACK, "drop-after", WRITE_BACKS, {}),
    "salesforce: row locked for the whole call": (BACK, "status", WRITE_BACKS, {"status": 400, "body": LOCK}),
}


async def _wrong(scene: Scene, *, kind: str, where: dict[str, str], how: dict[str, Any]) -> bool:
    times = 1 if "delay" in how else scene.chance.choice((1, 2, 3))
    return await armed(scene, "salesforce", kind, where, times, **how)


for _name, (_heading, _kind, _where, _how) in TRANSIENT.items():
    register(_name, _heading, partial(_wrong, kind=_kind, where=_where, how=_how))


async def _switched(scene: Scene, name: str, value: Any) -> None:
    """The org behaves otherwise for a while, as people go on."""
    before = scene.office.stand.salesforce.org.switches[name]
    scene.office.switch(name, value)
    await scene.people.provoke(scene.chance)
    await scene.moment(0.3, 1.5)
    scene.office.switch(name, before)


@fault("salesforce: 401, every session ended", DOWN)
async def sessions_ended(scene: Scene) -> None:
    scene.office.stand.salesforce.sessions.revoke()
    await scene.people.provoke(scene.chance)
    await scene.moment()


@fault("salesforce: login refused for a while", DOWN)
async def login_refused(scene: Scene) -> None:
    scene.office.stand.salesforce.sessions.revoke()
    await _switched(scene, "login_error", "user is inactive")


@fault("salesforce: down for everything", DOWN)
async def down(scene: Scene) -> None:
    faults = faults_of(scene, "salesforce")
    id_ = faults.add(Fault("status", path="/services/.*", times=-1, status=503))
    await scene.people.provoke(scene.chance)
    await scene.moment(0.3, 1.5)
    faults.remove(id_)


@fault("salesforce: field permission removed", DOWN, turn="fields")
async def field_hidden(scene: Scene) -> None:
    field = scene.chance.choice(("Hours__c", "Rate__c", "Billable__c", "Status__c"))
    await _switched(scene, "hidden_fields", [f"TimeEntry__c.{field}"])


@fault("salesforce: write-back field hidden", BACK, turn="fields")
async def written_field_hidden(scene: Scene) -> None:
    field = scene.chance.choice(("Xero_Billed__c", "Xero_Invoice_Number__c"))
    await _switched(scene, "hidden_fields", [f"TimeEntry__c.{field}"])


@fault("salesforce: View All lost", DOWN)
async def view_all_lost(scene: Scene) -> None:
    await _switched(scene, "view_all", False)


@fault("salesforce: entries not shared any more", DOWN)
async def unshared(scene: Scene) -> None:
    """Entries that are billed cannot be seen for a while: they are not deleted."""
    known = scene.people.live()
    hidden = scene.chance.sample(known, min(2, len(known)))
    before = scene.office.stand.salesforce.org.switches["unreadable_records"]
    scene.office.switch("unreadable_records", hidden)
    for entry in hidden:
        scene.office.world.org("update", records=[{"Id": entry, "Description__c": "Still there"}])
    await scene.moment(0.3, 1.5)
    scene.office.switch("unreadable_records", before)
    for entry in set(hidden) & set(scene.people.live()):
        scene.office.world.org("update", records=[{"Id": entry, "Description__c": "Shared again"}])


@fault("salesforce: records locked at write-back", BACK, turn="locks")
async def locked(scene: Scene) -> None:
    await _switched(scene, "locked_records", list(scene.people.logged))


@fault("salesforce: some records of a call refused", BACK, turn="locks")
async def partly_locked(scene: Scene) -> None:
    known = scene.people.logged
    await _switched(scene, "locked_records", scene.chance.sample(known, len(known) // 2))


@fault("salesforce: validation rule stops the write-back", BACK)
async def ruled_out(scene: Scene) -> bool:
    """A rule made after the entries were logged: people can log nothing either, until it is gone."""

    async def rule() -> None:
        scene.office.switch("validation_rules", {"TimeEntry__c": "Entries of closed weeks cannot be changed"})

    met = await caught(scene, "salesforce", "hold", WRITE_BACKS, rule)
    await scene.moment(0.3, 1.0)
    scene.office.switch("validation_rules", {})
    return met


@fault("a flow reacts to our write-back", FLOW)
async def flow(scene: Scene) -> bool:
    """A Flow that touches every entry that is changed, ours too, again and again."""
    met = False
    for number in range(3):
        met |= await caught(scene, "salesforce", "hold-after", WRITE_BACKS, partial(_touched, scene, number))
    return met


def _touched(scene: Scene, number: int) -> None:
    for entry in scene.chance.sample(scene.people.live(), 1):
        fields = {"Id": entry, "Description__c": f"Seen by a flow, {number}"}
        scene.office.world.org("update", records=[fields])


@fault("project linked to another client", LINKS, turn="links")
async def relinked(scene: Scene) -> None:
    """For a while; in the end the link is what it was. Entries on drafts follow, approved ones do not."""
    world, scene.office.relinked = scene.office.world, True
    one, other = scene.chance.sample(sorted(world.projects), 2)
    link = {name: world.record(world.projects[name], "Project__c")["Xero_Contact__c"] for name in (one, other)}
    await scene.people.provoke(scene.chance)
    world.org("update", "Project__c", records=[{"Id": world.projects[one], "Xero_Contact__c": link[other]}])
    await world.ctx.store.schedule.again("reconcile")
    await scene.moment(0.3, 1.5)
    world.org("update", "Project__c", records=[{"Id": world.projects[one], "Xero_Contact__c": link[one]}])
    await world.ctx.store.schedule.again("reconcile")
