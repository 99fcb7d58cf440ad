"""REST calls as values: what a request asks, which function answers it, and what it answers.

Not tied to HTTP, because /composite runs calls inside a call.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from urllib.parse import unquote

from sandbox.salesforce.errors import ApiError, not_found
from sandbox.salesforce.org import Org
from sandbox.salesforce.schema import SObject
from sandbox.salesforce.state import State

VERSIONS = tuple(f"{number}.0" for number in range(60, 69))


@dataclass(frozen=True)
class Answer:
    """An answer: `body` is JSON, or None for an empty one."""

    status: int = 200
    body: object = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Call:
    """One REST call of an authenticated user; `path` is what follows /services/data/vXX.0, undecoded."""

    state: State
    user_id: str
    version: str
    method: str
    path: str
    query: Mapping[str, str]
    body: object = None
    client: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def org(self) -> Org:
        """The org."""
        return self.state.org

    @property
    def base(self) -> str:
        """Where this version's resources are."""
        return f"/services/data/v{self.version}"

    @property
    def origin(self) -> str:
        """The changeOrigin of events this call causes."""
        start = f"com/salesforce/api/rest/{self.version}"
        return f"{start};client={self.client}" if self.client else start

    def sobject(self, name: str) -> SObject:
        """An object the user sees. Raises ApiError 404."""
        found = self.org.visible(name)
        if found is None:
            raise not_found()
        return found

    def object_body(self) -> dict[str, Any]:
        """The body, which must be a JSON object."""
        if not isinstance(self.body, dict):
            raise ApiError(400, "JSON_PARSER_ERROR", "The HTTP entity body must be a JSON object")
        return self.body


Function = Callable[..., Answer]


class Routes:
    """Functions by method and path pattern; pattern groups become keyword arguments, percent-decoded."""

    def __init__(self) -> None:
        self._routes: list[tuple[str, re.Pattern[str], Function]] = []

    def on(self, method: str, pattern: str) -> Callable[[Function], Function]:
        """Register a function; `{name}` in the pattern stands for one path segment."""
        regex = re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", pattern) + "/?")

        def register(function: Function) -> Function:
            self._routes.append((method, regex, function))
            return function

        return register

    def include(self, other: "Routes") -> None:
        """Take over another table's routes."""
        self._routes += other._routes

    def dispatch(self, call: Call) -> Answer:
        """The answer to a call. Raises ApiError."""
        allowed: list[str] = []
        for method, regex, function in self._routes:
            match = regex.fullmatch(call.path)
            if match is None:
                continue
            if method == call.method or (method == "GET" and call.method == "HEAD"):
                return function(call, **{name: unquote(value) for name, value in match.groupdict().items()})
            allowed.append(method)
        if allowed:
            text = f"HTTP Method '{call.method}' not allowed. Allowed are {','.join(allowed)}"
            raise ApiError(405, "METHOD_NOT_ALLOWED", text)
        raise not_found()

    def answer(self, call: Call) -> Answer:
        """As `dispatch`, with refusals as answers."""
        try:
            return self.dispatch(call)
        except ApiError as error:
            return Answer(error.status, error.body())


def read_json(text: str) -> object:
    """A request body; numbers keep their digits. Raises ApiError."""
    if not text:
        return None
    try:
        return json.loads(text, parse_float=Decimal)
    except ValueError as error:
        raise ApiError(400, "JSON_PARSER_ERROR", f"{error} in the HTTP entity body") from None
