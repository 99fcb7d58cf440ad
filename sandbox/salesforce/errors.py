"""The REST API's refusals, as it words them (Salesforce: REST API status codes and error responses)."""

from collections.abc import Sequence


class ApiError(Exception):
    """A refusal: HTTP status, errorCode, message, and the fields it is about."""

    def __init__(self, status: int, code: str, message: str, fields: Sequence[str] | None = None) -> None:
        super().__init__(f"{code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.fields = None if fields is None else list(fields)

    def body(self) -> list[dict[str, object]]:
        """The answer of a whole request: an array with one error."""
        error: dict[str, object] = {"message": self.message, "errorCode": self.code}
        if self.fields is not None:
            error["fields"] = self.fields
        return [error]

    def item(self) -> dict[str, object]:
        """The same refusal inside a collection's per-record result."""
        return {"statusCode": self.code, "message": self.message, "fields": self.fields or []}


class FieldError(ApiError):
    """A record's content is refused: HTTP 400 alone, an item error inside a collection."""

    def __init__(self, code: str, message: str, fields: Sequence[str] = ()) -> None:
        super().__init__(400, code, message, fields)


def not_found(message: str = "The requested resource does not exist") -> ApiError:
    """The address names nothing."""
    return ApiError(404, "NOT_FOUND", message)


def invalid_session(message: str = "Session expired or invalid") -> ApiError:
    """No live session stands behind the request."""
    return ApiError(401, "INVALID_SESSION_ID", message)


def no_such_object(name: str) -> ApiError:
    """A query names an object that this org has not, or this user may not see."""
    text = (
        f"sObject type '{name}' is not supported. If you are attempting to use a custom object, be sure to append the "
        "'__c' after the entity name. Please reference your WSDL or the describe call for the appropriate names."
    )
    return ApiError(400, "INVALID_TYPE", text)


def parser_error(kind: str, value: object) -> ApiError:
    """A JSON value has a type the field cannot hold."""
    text = (
        f"Cannot deserialize instance of {kind} from {json_kind(value)} value {value} "
        "or request may be missing a required field at [line:1, column:1]"
    )
    return ApiError(400, "JSON_PARSER_ERROR", text)


def json_kind(value: object) -> str:
    """A JSON value's kind in the parser's words."""
    match value:
        case bool():
            return "VALUE_TRUE" if value else "VALUE_FALSE"
        case str():
            return "VALUE_STRING"
        case dict():
            return "START_OBJECT"
        case list():
            return "START_ARRAY"
        case None:
            return "VALUE_NULL"
        case _:
            return "VALUE_NUMBER_FLOAT"


class OAuthError(Exception):
    """A refusal of the token endpoint: HTTP 400 with error and error_description."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(f"{error}: {description}")
        self.error = error
        self.description = description
