"""Everything one running stand-in org holds, in one place for its doors: REST, Pub/Sub, the site, the control port."""

from collections import OrderedDict, deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from aiohttp import web

from sandbox.clock import Clock
from sandbox.salesforce.auth import Sessions
from sandbox.salesforce.cdc import ChangeBus
from sandbox.salesforce.cometd_clients import Clients
from sandbox.salesforce.org import Org
from sandbox.salesforce.values import show
from sandbox.salesforce.writes import Transaction

UI_ORIGIN = "com/salesforce/api/soap/67.0;client=SfdcInternalAPI/"


@dataclass
class Locator:
    """An open query: the rows not yet fetched."""

    id: str
    total: int
    page: int
    rows: list[dict[str, object]]


@dataclass
class State:
    """The org, who is logged in, its event bus, open queries and the call count."""

    org: Org
    sessions: Sessions
    bus: ChangeBus
    cometd: Clients
    locators: OrderedDict[str, Locator] = field(default_factory=OrderedDict)
    calls: deque[datetime] = field(default_factory=deque)

    @classmethod
    def fresh(cls, clock: Clock) -> "State":
        """An org without records."""
        org = Org(clock)
        bus = ChangeBus(org)
        return cls(org, Sessions(org), bus, Clients(bus))

    def begin(self, user_id: str, *, system: bool = False) -> Transaction:
        """A transaction of that user; hand it to `commit`."""
        return Transaction(self.org, user_id, system=system)

    def commit(self, transaction: Transaction, origin: str) -> None:
        """Tell the event bus what the transaction changed."""
        self.bus.publish(transaction.changes, origin=origin, user_id=transaction.user_id)

    def count_call(self) -> int:
        """Count one API call; answers those of the last 24 hours."""
        now = self.org.clock.now()
        self.calls.append(now)
        return self.calls_used()

    def calls_used(self) -> int:
        """API calls of the last 24 hours."""
        since = self.org.clock.now() - timedelta(hours=24)
        while self.calls and self.calls[0] < since:
            self.calls.popleft()
        return len(self.calls)

    def snapshot(self) -> dict[str, object]:
        """Every record, deleted ones too, and how many events there were."""
        records = {
            name: [{field: show(value) for field, value in record.items()} for record in table.values()]
            for name, table in self.org.tables.items()
        }
        return {"records": records, "events": self.bus.published}


STATE: web.AppKey[State] = web.AppKey("salesforce", State)
