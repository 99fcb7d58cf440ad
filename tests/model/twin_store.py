"""As much of Redis as the twin of the scripts needs, in memory, quick to copy."""

from typing import Any

Value = Any  # a text, a number, or whatever the scripts treat as opaque


class Drawn(int):
    """A number that was never given before: a generation, a version, a ticket. Only its rank among others matters."""

    def __repr__(self) -> str:
        return f"§{int(self)}"  # a mark that no name has: states are compared with these by rank


class Memory:
    """Keys with one hash each; a text is the field "", a set or a sorted set has its members as fields.

    `now` is the server's clock in milliseconds. A key without fields is not there.
    """

    def __init__(self, data: dict[str, dict[str, Value]] | None = None, now: int = 0) -> None:
        self.data = data if data is not None else {}
        self.now = now

    def copy(self) -> "Memory":
        """Another server that holds the same."""
        return type(self)({key: dict(fields) for key, fields in self.data.items()}, self.now)

    def get(self, key: str, field: str = "") -> Value:
        """One field, None when it is not there."""
        fields = self.data.get(key)
        return None if fields is None else fields.get(field)

    def fields(self, key: str) -> dict[str, Value]:
        """All fields; not to be written to."""
        return self.data.get(key, {})

    def put(self, key: str, field: str, value: Value) -> None:
        """Set one field."""
        self.data.setdefault(key, {})[field] = value

    def add(self, key: str, field: str, value: Value) -> None:
        """Set one field that is not there yet."""
        self.data.setdefault(key, {}).setdefault(field, value)

    def drop(self, key: str, field: str) -> None:
        """Remove one field."""
        fields = self.data.get(key)
        if fields is not None and field in fields:
            del fields[field]
            if not fields:
                del self.data[key]

    def delete(self, key: str) -> None:
        """Remove a key."""
        self.data.pop(key, None)

    def count(self, key: str, field: str = "", by: int = 1) -> int:
        """Add to a number and give it."""
        number = int(self.get(key, field) or 0) + by
        self.put(key, field, number)
        return number

    def drawn(self, counter: str) -> Drawn:
        """The script's `drawn`, on a clock that stands still."""
        number = Drawn(int(self.get(counter) or 0) + 1)
        self.put(counter, "", number)
        return number
