"""How this org behaves where orgs differ or only a real one can tell: each switch can be set over the control port."""

from collections.abc import Iterator, MutableMapping
from dataclasses import dataclass, field, fields
from typing import Any


@dataclass
class Behaviour:
    """The answers in force; the values here are the defaults. Times are unscaled seconds."""

    # Sessions and permissions
    session_seconds: float = 7200.0  # session timeout policy
    session_sliding: bool = True  # each call prolongs the session
    same_session: bool = True  # a login with the same client and user answers the live session's token
    high_assurance: bool = False  # sessions are refused for REST although they live
    login_error: str = ""  # error_description of every login, such as "user is inactive"
    client_credentials_user: bool = True  # the app has a run-as user for the client-credentials flow
    rotate_refresh_tokens: bool = False  # the app's policy: each use of a refresh token replaces it
    jwt_public_key: str = ""  # PEM: the certificate's public key of the app, for the JWT bearer flow
    jwt_my_domain: bool = True  # the JWT audience may be the My Domain
    view_all: bool = True  # the user may subscribe to single-object channels
    hidden_objects: list[str] = field(default_factory=list)  # objects the user may not see
    hidden_fields: list[str] = field(default_factory=list)  # "TimeEntry__c.Rate__c": fields the user may not read
    unreadable_records: list[str] = field(default_factory=list)  # ids that sharing hides from the user
    # The org's make-up
    multi_currency: bool = True
    extra_fields: list[dict[str, Any]] = field(default_factory=list)  # {"sobject", "name", "type", "length"}
    # Reading
    daily_api_requests: int = 100_000
    query_page_size: int = 0  # rows a page, whatever was asked for; 0: as asked
    query_cursors: int = 10  # open cursors a user; the oldest is closed for an eleventh
    replication_minutes: bool = True  # getUpdated and getDeleted ignore the seconds of their bounds
    replication_lag_seconds: float = 0.0  # latestDateCovered stays that far behind
    # Writing
    round_to_scale: bool = True  # numbers are rounded to the field's scale when stored
    created_in_failures: bool = True  # a failed upsert item carries "created": false
    field_errors_in_items: bool = True  # an unknown field in a collection fails its record, not the request
    locked_records: list[str] = field(default_factory=list)  # ids whose writes fail with UNABLE_TO_LOCK_ROW
    validation_rules: dict[str, str] = field(default_factory=dict)  # object -> message its writes fail with
    delete_clears_lookups: bool = True  # lookups to a deleted record are emptied
    # Change events
    cdc_objects: list[str] = field(default_factory=lambda: ["TimeEntry__c", "TimeSheetEntry"])
    channels: dict[str, Any] = field(default_factory=dict)  # "/data/X__chn": {"objects": […], "enriched": [fields]}
    daily_events: int = 50_000  # delivered events in 24 hours, all subscribers together
    event_retention_seconds: float = 259_200.0
    keepalive_seconds: float = 60.0  # an empty answer while a subscriber waits
    idle_close_seconds: float = 60.0  # a stream that asks for nothing is closed
    merge_events: bool = True  # one event for the same change of several records in one transaction
    long_text_diffs: bool = False  # the Pub/Sub API tells a changed long text as a unified diff, in diffFields alone
    silent: bool = False  # streams stay open and say nothing at all


class Switches(MutableMapping[str, Any]):
    """Behaviour by name. Setting an unknown switch raises KeyError, a value of another type ValueError."""

    def __init__(self) -> None:
        self.now = Behaviour()
        self._names = [item.name for item in fields(Behaviour)]

    def __getitem__(self, name: str) -> Any:
        return getattr(self.now, self._known(name))

    def __setitem__(self, name: str, value: Any) -> None:
        kind = type(getattr(Behaviour(), self._known(name)))
        if kind is float and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        if type(value) is not kind:
            raise ValueError(f"switch {name!r} takes a {kind.__name__}, not {value!r}")
        setattr(self.now, name, value)

    def __delitem__(self, name: str) -> None:
        setattr(self.now, name, getattr(Behaviour(), self._known(name)))

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def _known(self, name: str) -> str:
        if name not in self._names:
            raise KeyError(f"no switch {name!r}; known: {', '.join(sorted(self._names))}")
        return name
