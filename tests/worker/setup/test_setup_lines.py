"""Every key of a setup file is found on its line, whatever the way it is written."""

import tomllib
from collections.abc import Iterator
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from worker.setup.lines import Lines, Path, dotted

TEXT = '''\
top = 1 # [not.a.table]
"quoted key" = "with # and ] in it"

[a]                       # a comment
b.c = [1, [2, 3], {x = "]", y = 4}]
list = [
    "first",              # with "quotes"

    "second",
]
long = """
d = 1
[e]
"""
lit = \'\'\'
f = "
\'\'\'
when = 2026-11-01 10:00:00

[[a.rows]]
id = 1
[[a.rows]]
id = 2
[a.rows.inner]
z = 'x'
[a."d.e"]
g = true
'''


def test_each_way_of_writing_a_key_is_placed() -> None:
    tomllib.loads(TEXT)
    lines = Lines.of(TEXT)
    expected: dict[Path, int] = {
        ("top",): 1,
        ("quoted key",): 2,
        ("a",): 4,
        ("a", "b"): 5,
        ("a", "b", "c"): 5,
        ("a", "b", "c", 1, 1): 5,
        ("a", "b", "c", 2, "y"): 5,
        ("a", "list"): 6,
        ("a", "list", 0): 7,
        ("a", "list", 1): 9,
        ("a", "long"): 11,
        ("a", "lit"): 15,
        ("a", "when"): 18,
        ("a", "rows"): 20,
        ("a", "rows", 0): 20,
        ("a", "rows", 0, "id"): 21,
        ("a", "rows", 1): 22,
        ("a", "rows", 1, "id"): 23,
        ("a", "rows", 1, "inner"): 24,
        ("a", "rows", 1, "inner", "z"): 25,
        ("a", "d.e"): 26,
        ("a", "d.e", "g"): 27,
    }
    assert {path: lines.of_path(path) for path in expected} == expected
    assert all(lines.has(path) for path in expected)
    assert not lines.has(("d",))


def test_a_key_that_is_not_there_is_placed_at_the_table_around_it() -> None:
    lines = Lines.of("[a]\n[b]\nc = 1\n")
    assert lines.of_path(("b", "d", 3)) == 2
    assert lines.of_path(("z",)) == 1


def test_windows_line_ends_and_empty_files_are_counted_right() -> None:
    assert Lines.of("a = 1\r\n\r\n[b]\r\nc = 1\r\n").of_path(("b", "c")) == 4
    assert Lines.of("").of_path(("a",)) == 1


def test_places_in_lists_count_from_one_in_texts() -> None:
    assert dotted(("people", "person", 1, "rate")) == "people.person[2].rate"


BARE = st.from_regex(r"[A-Za-z0-9_-]{1,8}", fullmatch=True)
STRINGS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8)
VALUES = st.recursive(
    st.integers(-99, 99) | st.booleans() | STRINGS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(BARE, inner, max_size=3),
    max_leaves=8,
)
GAPS = st.lists(st.sampled_from(["", "# [x]", "  ", '# a = """', "\t# ]"]), max_size=3)


def written(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {written(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",\n # ]\n".join(map(written, value)) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return str(value)


def leaves(value: Any, path: Path = ()) -> Iterator[Path]:
    if path:
        yield path
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in pairs:
        yield from leaves(item, (*path, key))


@given(st.dictionaries(BARE, st.dictionaries(BARE, st.tuples(GAPS, VALUES), max_size=4), max_size=4))
def test_in_any_file_every_key_stands_where_it_was_written(tables: dict[str, dict[str, tuple[list[str], Any]]]) -> None:
    text, expected = "", {}
    for name, keys in tables.items():
        expected[(name,)] = text.count("\n") + 1
        text += f"[{name}]\n"
        for key, (gaps, value) in keys.items():
            text += "".join(f"{gap}\n" for gap in gaps)
            expected[name, key] = text.count("\n") + 1
            text += f"{key} = {written(value)} # ]\n"
    lines = Lines.of(text)
    assert {path: lines.of_path(path) for path in expected} == expected
    assert all(lines.has(path) for path in leaves(tomllib.loads(text)))
