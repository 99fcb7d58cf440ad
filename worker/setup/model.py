"""A whole setup file, parsed and checked."""

from __future__ import annotations

from pydantic import Field, PrivateAttr

from worker.billing.rules import Rules
from worker.setup import conditions, paths, rules
from worker.setup.lines import Lines, Path, dotted
from worker.setup.problems import Problem, Severity
from worker.setup.sections import Billing, Brake, Contacts, People, ScheduleSection, Section, Source


class Setup(Section):
    """What the setup file says. Make one with `worker.setup.parse`."""

    source: Source = Field(description="where time is tracked")
    schedule: ScheduleSection = ScheduleSection()
    billing: Billing = Field(description="what becomes an invoice")
    brake: Brake = Brake()
    people: People = People()
    contacts: Contacts | None = None

    _lines: Lines = PrivateAttr(default_factory=Lines)

    def line(self, *path: str | int) -> int:
        """The line in the file of a key, or of the nearest table around it."""
        return self._lines.of_path(path)

    def says(self, *path: str | int) -> bool:
        """Whether the file itself holds this key (else its value is the default)."""
        return self._lines.has(path)

    def problem(self, key: Path, what: str, remedy: str, severity: Severity = "error") -> Problem:
        """A problem with one of the keys, placed in the file."""
        return Problem(self.line(*key), dotted(key), what, remedy, severity)

    def at(self, lines: Lines) -> Setup:
        """This setup, knowing where its keys stand."""
        placed = self.model_copy()
        placed._lines = lines
        return placed

    @property
    def channel(self) -> str:
        """The change data capture channel: as given, else the object's own."""
        return self.source.channel or paths.change_channel(self.source.sobject)

    def paths(self) -> tuple[str, ...]:
        """Every SOQL path an entry is read with, `Id` and `SystemModstamp` among them, `IsDeleted` not."""
        return paths.entry_paths(self.source)

    @property
    def soql_conditions(self) -> tuple[str, ...]:
        """What SOQL asks of an entry that may be billed here: worked on or after `billing.start`."""
        return (conditions.worked_since(self.source.fields, self.billing.start),)

    def rules(self, org: str, version: int, timezone: str = "UTC") -> Rules:
        """What billing needs to know of this setup: for a Salesforce org id, the version it is stored under, and the
        company's time zone (IANA)."""
        return rules.billing_rules(self, org, version, timezone)
