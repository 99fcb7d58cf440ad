"""What Salesforce refuses, and what follows from it: one table, errorCode or statusCode -> action.

Sources: Salesforce REST API Developer Guide, "Status Codes and Error Responses"; SOAP API Developer Guide,
"StatusCode".
"""
# ruff: noqa: N818 - most are states that people are told about, named as such

from enum import StrEnum
from typing import NamedTuple

from worker.errors import ConnectionPaused, ServiceError


class Action(StrEnum):
    """What to do about a refusal."""

    RETRY = "retry"  # the same again, a little later
    WAIT = "wait-for-limit"  # the org's allowance is used up; nothing will work until some of it is back
    LOGIN = "re-auth"  # the session is no longer valid
    GONE = "gone"  # the record is deleted, or can no longer be seen
    SETUP = "setup"  # an object or field of the setup is not there, or not permitted
    PERMANENT = "permanent"  # the same request will be refused again until a person changes something


class SalesforceError(ServiceError):
    """Salesforce did not do what was asked.

    `code` is Salesforce's own errorCode ("" when it gave none), `status` the HTTP status (0: no answer),
    `fields` the fields it names.
    """

    action = Action.PERMANENT

    def __init__(
        self, what: str, remedy: str = "", *, code: str = "", status: int = 0, fields: tuple[str, ...] = ()
    ) -> None:
        super().__init__(what, remedy)
        self.code = code
        self.status = status
        self.fields = fields


class RequestRefused(SalesforceError):
    """Refused for good."""


class InvalidSoql(SalesforceError):
    """What was to become part of a query cannot; nothing was sent."""


class Unreachable(SalesforceError):
    """No answer: the connection failed, broke, or the deadline passed. A write may have happened."""

    action = Action.RETRY


class Unavailable(SalesforceError):
    """Salesforce answered that it cannot now: overload, maintenance, a lock, a query that took too long."""

    action = Action.RETRY


class UnexpectedAnswer(SalesforceError):
    """The answer is not what the API is documented to give. A write may have happened."""

    action = Action.RETRY


class LimitExceeded(SalesforceError):
    """The org's API calls of the last 24 hours are used up; there is no Retry-After."""

    action = Action.WAIT


class SessionRefused(SalesforceError):
    """A session that was just renewed is refused too."""

    action = Action.LOGIN


class LoginRefused(SalesforceError, ConnectionPaused):
    """Salesforce does not let this app or user in; nothing works until a person acts."""

    action = Action.LOGIN


class ReconnectNeeded(LoginRefused):
    """Nobody connected the org, or the connection was taken back: somebody has to sign in again."""


class MappingBroken(SalesforceError):
    """An object or field that the setup names is gone, renamed or hidden from the integration user."""

    action = Action.SETUP


class RecordGone(SalesforceError):
    """The record is deleted, or can no longer be seen."""

    action = Action.GONE


class Rule(NamedTuple):
    """What a code means for us, and what a person can do."""

    action: Action
    remedy: str = ""


_PERMISSION = "Give the integration user edit access to the record, the object and its fields."
_MAPPED = (
    "Restore it, give the integration user access to it (field-level security), or change the setup; "
    "`hourstream setup check` shows all of them."
)
_SESSION = "Give the integration user API Enabled, and a session security level that the org's policies admit."
_RULES = "Change the record, or exempt the integration user from the rule."

# Codes that are not here are PERMANENT without a remedy of ours: Salesforce's own message says what is wrong.
RULES: dict[str, Rule] = {
    "INVALID_SESSION_ID": Rule(Action.LOGIN, _SESSION),
    "INVALID_AUTH_HEADER": Rule(Action.LOGIN, _SESSION),
    "UNABLE_TO_LOCK_ROW": Rule(Action.RETRY),
    "QUERY_TIMEOUT": Rule(Action.RETRY, "Ask Salesforce support for an index on the filtered field if this goes on."),
    "SERVER_UNAVAILABLE": Rule(Action.RETRY),
    "REQUEST_RUNNING_TOO_LONG": Rule(Action.RETRY),
    "UNKNOWN_EXCEPTION": Rule(Action.RETRY),
    "INTERNAL_ERROR": Rule(Action.RETRY),
    "INVALID_QUERY_LOCATOR": Rule(Action.RETRY),  # the cursor is two days old, or ten newer ones pushed it out
    "ALL_OR_NONE_OPERATION_ROLLED_BACK": Rule(Action.RETRY),
    "REQUEST_LIMIT_EXCEEDED": Rule(
        Action.WAIT, "Wait, or buy API calls; Salesforce Setup, System Overview, shows what uses them."
    ),
    "ENTITY_IS_DELETED": Rule(Action.GONE),
    "INVALID_CROSS_REFERENCE_KEY": Rule(Action.GONE),
    "NOT_FOUND": Rule(Action.GONE),
    "INVALID_FIELD": Rule(Action.SETUP, _MAPPED),
    "INVALID_TYPE": Rule(Action.SETUP, _MAPPED),
    "INVALID_FIELD_FOR_INSERT_UPDATE": Rule(
        Action.SETUP, "Give the integration user edit access to the field, or map another one."
    ),
    "INSUFFICIENT_ACCESS": Rule(Action.PERMANENT, _PERMISSION),
    "INSUFFICIENT_ACCESS_OR_READONLY": Rule(Action.PERMANENT, _PERMISSION),
    "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY": Rule(Action.PERMANENT, _PERMISSION),
    "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY": Rule(Action.PERMANENT, "Mend the Apex trigger or flow named there."),
    "CANNOT_EXECUTE_FLOW_TRIGGER": Rule(Action.PERMANENT, "Mend the flow named there."),
    "ENTITY_IS_LOCKED": Rule(
        Action.PERMANENT, "An approval process locks the record: let the integration user edit locked records."
    ),
    "FIELD_CUSTOM_VALIDATION_EXCEPTION": Rule(Action.PERMANENT, _RULES),
    "REQUIRED_FIELD_MISSING": Rule(Action.PERMANENT, "Map the field, give it a default, or do not require it."),
    "STRING_TOO_LONG": Rule(Action.PERMANENT, "Make the field longer."),
    "NUMBER_OUTSIDE_VALID_RANGE": Rule(Action.PERMANENT, "Make the field wider."),
    "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST": Rule(
        Action.PERMANENT, "Add the value, or do not restrict the picklist."
    ),
    "DUPLICATES_DETECTED": Rule(Action.PERMANENT, "Exempt the integration user from the duplicate rule."),
    "DUPLICATE_VALUE": Rule(Action.PERMANENT, "Merge or correct the record that has this value already."),
    "STORAGE_LIMIT_EXCEEDED": Rule(Action.PERMANENT, "Free storage in the org, or buy more."),
    "API_DISABLED_FOR_ORG": Rule(
        Action.PERMANENT, "Give the integration user API Enabled, in an edition with the API."
    ),
    "API_CURRENTLY_DISABLED": Rule(Action.PERMANENT, "Ask Salesforce to enable the API for this org."),
    "UNSUPPORTED_API_VERSION": Rule(Action.PERMANENT, "Set SALESFORCE_API_VERSION to a version the org has."),
    "EXCEEDED_ID_LIMIT": Rule(Action.PERMANENT, "Ask for a shorter time."),
}

_TYPES: dict[Action, type[SalesforceError]] = {
    Action.RETRY: Unavailable,
    Action.WAIT: LimitExceeded,
    Action.LOGIN: SessionRefused,
    Action.GONE: RecordGone,
    Action.SETUP: MappingBroken,
    Action.PERMANENT: RequestRefused,
}


def rule(code: str, message: str = "") -> Rule:
    """The row of the table. Too many calls at one moment share their code with too many in a day: the text tells."""
    if code == "REQUEST_LIMIT_EXCEEDED" and "concurrent" in message.lower():
        return Rule(Action.RETRY, "Fewer long requests at a time; other integrations count too.")
    return RULES.get(code, Rule(Action.PERMANENT))


def error_of(action: Action) -> type[SalesforceError]:
    """The exception that says so."""
    return _TYPES[action]


def worth_repeating(error: Exception) -> bool:
    """Whether the same read may be made again at once, after a short wait."""
    return isinstance(error, SalesforceError) and error.action is Action.RETRY
