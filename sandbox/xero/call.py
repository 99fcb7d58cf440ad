"""One call of the Accounting API as its handlers see it."""

from dataclasses import dataclass
from uuid import uuid4

from sandbox.faults import Fault
from sandbox.xero.books import Books
from sandbox.xero.company import XeroCompany
from sandbox.xero.documents import Author
from sandbox.xero.traffic import Entry
from sandbox.xero.wire import Json, flag, ms_date


@dataclass(frozen=True)
class Call:
    """What was asked, by whom. `query` has lower-case names, as Xero does not mind their case.

    `key` is the record the address names, `part` what it names below that record.
    """

    company: XeroCompany
    method: str
    key: str
    part: str
    query: dict[str, str]
    body: bytes
    content_type: str
    modified_since: str
    author: Author
    entry: Entry
    fault: Fault | None

    @property
    def books(self) -> Books:
        """The company's books."""
        return self.company.books

    @property
    def unit_places(self) -> int:
        """Decimal places of prices, in what is written and what is answered."""
        return 4 if self.query.get("unitdp") == "4" else 2

    @property
    def summarise(self) -> bool:
        """Whether one bad element fails the call (the default, in spite of what the API description says)."""
        return flag(self.query.get("summarizeerrors"), default=True)

    def envelope(self, resource: str, rows: list[Json], pagination: Json | None = None) -> Json:
        """The answer around a list of records."""
        return {
            "Id": str(uuid4()),
            "Status": "OK",
            "ProviderName": self.author.name,
            "DateTimeUTC": ms_date(self.books.clock.now()),
            **({"pagination": pagination} if pagination else {}),
            resource: rows,
        }
