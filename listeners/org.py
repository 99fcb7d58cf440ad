"""The Salesforce org behind the doors' port: our REST client, and the org pinned before anything of it is stored."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta

import structlog

from listeners.ports import Clock, Deletions
from listeners.times import stamp
from worker.salesforce import soql
from worker.salesforce.auth import Session
from worker.salesforce.client import SalesforceClient
from worker.salesforce.errors import Action, LoginRefused, SalesforceError
from worker.salesforce.query import Rows

log = structlog.get_logger(__name__)

LOG_KEPT = timedelta(days=14)  # the delete log answers for 15 days
LOOK_BACK = timedelta(minutes=2)  # getUpdated is asked for its latestDateCovered alone


class SalesforceOrg:
    """The client, as doors see it. `pin` refuses another org than the first one ever seen; `lost` is told when nobody
    but a person can let us in again."""

    def __init__(
        self,
        client: SalesforceClient,
        pin: Callable[[str], Awaitable[None]],
        lost: Callable[[LoginRefused], Awaitable[None]],
    ) -> None:
        self._client, self._pin, self._lost = client, pin, lost
        self._pinned = ""
        self._ahead: timedelta | None = None  # how far Salesforce's clock is ahead of ours

    async def session(self, stale: Session | None = None) -> Session:
        """The session in use, or another one than `stale`. Raises `SalesforceError`, `ConnectionPaused`."""
        try:
            session = await (self._client.token() if stale is None else self._client.renewed(stale))
        except LoginRefused as error:
            await self._lost(error)
            raise
        if session.org_id != self._pinned:
            await self._pin(session.org_id)
            self._pinned = session.org_id
        return session

    async def clock(self, sobject: str) -> Clock:
        """Salesforce's time; with the time covered, where the user may ask getUpdated. Raises `SalesforceError`."""
        await self.session()
        if self._ahead is None:
            return Clock(await self._date(sobject))
        about = datetime.now(UTC) + self._ahead
        try:
            covered = (await self._client.updated(sobject, about - LOOK_BACK, about)).covered
        except SalesforceError as error:
            if error.action is not Action.PERMANENT:
                raise
            log.info("the org does not say until when it is complete", sobject=sobject, error=error.what)
            return Clock(await self._date(sobject))
        return Clock(datetime.now(UTC) + self._ahead, covered)

    async def changed(self, sobject: str, since: datetime) -> AsyncIterator[Sequence[tuple[str, str]]]:
        """Pages of (id, SystemModstamp). Raises `SalesforceError`."""
        async for rows in self._client.changed_since(sobject, ["Id", "SystemModstamp"], since, all_rows=True):
            self._heard(rows)
            yield [(str(row["Id"]), str(row["SystemModstamp"])) for row in rows]

    async def deleted(self, sobject: str, start: datetime, end: datetime) -> Deletions:
        """The delete log; a span longer than it is kept is shortened, and says so by `earliest`."""
        first = max(start, end - LOG_KEPT)
        found = await self._client.deleted(sobject, first, end)
        rows = tuple((record.id, stamp(record.at)) for record in found.records)
        return Deletions(rows, found.covered, found.earliest if first == start else max(found.earliest, first))

    async def _date(self, sobject: str) -> datetime:
        text = f"SELECT Id FROM {soql.name(sobject)} LIMIT 1"  # noqa: S608 - a checked name
        rows = [page async for page in self._client.query(text)]
        return self._heard(rows[-1])

    def _heard(self, rows: Rows) -> datetime:
        """Salesforce's time at its answer. A `Date` header knows whole seconds; ours is read after the answer came."""
        self._ahead = rows.server_date - datetime.now(UTC)
        return rows.server_date
