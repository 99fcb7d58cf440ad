"""What the stand-in refuses, and in which of Xero's shapes."""

from sandbox.xero.wire import Json


class RuleError(Exception):
    """One element (an invoice, a contact) breaks a rule: a validation error, in Xero's words."""

    def __init__(self, *messages: str) -> None:
        super().__init__("; ".join(messages))
        self.messages = messages


class CallError(Exception):
    """The whole call cannot be carried out. `body` is what Xero answers, as JSON."""

    def __init__(self, status: int, body: Json, headers: dict[str, str] | None = None) -> None:
        super().__init__(f"{status}: {body}")
        self.status = status
        self.body = body
        self.headers = headers or {}


class MissingError(Exception):
    """No such record or address: Xero answers 404 with an empty page."""


def bad_data(message: str) -> CallError:
    """The body cannot be read as what the endpoint expects."""
    return CallError(400, {"ErrorNumber": 14, "Type": "PostDataInvalidException", "Message": message})


def bad_query(message: str) -> CallError:
    """A `where` or `order` that cannot be read."""
    return CallError(400, {"ErrorNumber": 16, "Type": "QueryParseException", "Message": message})


def no_data(resource: str) -> CallError:
    """A write without any element."""
    message = f"No data has been processed: the request body holds no {resource}."
    return CallError(400, {"ErrorNumber": 17, "Type": "NoDataProcessedException", "Message": message})


def validation(elements: list[Json]) -> CallError:
    """One or more elements broke a rule and errors are summarised: nothing was saved."""
    return CallError(
        400,
        {
            "ErrorNumber": 10,
            "Type": "ValidationException",
            "Message": "A validation exception occurred",
            "Elements": elements,
        },
    )


def internal_error() -> CallError:
    """Xero's own fault; it may or may not have written."""
    message = "An error occurred in Xero. Look at the API's status page for its current state."
    return CallError(500, {"ErrorNumber": 500, "Type": "InternalServerException", "Message": message})


def unauthorised(detail: str, instance: str, challenge: str | None = None) -> CallError:
    """401, as Xero's gateway words it; `challenge` goes into WWW-Authenticate."""
    body: Json = {
        "Type": None,
        "Title": "Unauthorized",
        "Status": 401,
        "Detail": detail,
        "Instance": instance,
        "Extensions": {},
    }
    return CallError(401, body, {"WWW-Authenticate": challenge} if challenge else None)


def forbidden(instance: str) -> CallError:
    """403: the token is good, but not for this company (disconnected, or another one)."""
    body: Json = {
        "Type": None,
        "Title": "Forbidden",
        "Status": 403,
        "Detail": "AuthenticationUnsuccessful",
        "Instance": instance,
        "Extensions": {},
    }
    return CallError(403, body)
