"""docs/store.md names every key that the store makes."""

import re
from pathlib import Path

import worker.store
from tests.fixtures_store import TABLE

SOURCES = sorted(Path(worker.store.__file__).parent.glob("*.py"))


def test_every_key_the_code_makes_is_in_the_table() -> None:
    documented = {re.split(r"[:{]", row)[0] for row in re.findall(r"^\| `([^`]+)` \|", TABLE.read_text(), re.MULTILINE)}
    made = {
        name.split(":")[0]
        for source in SOURCES
        for name in re.findall(r'(?:keys\(|base \.\. )"([a-z:_-]+)"', source.read_text())
    }
    assert len(made) > 20
    assert made - documented == set()
