"""Lua scripts as typed functions: the signature is the calling contract, the docstring is the script.

    @script()
    async def bump(redis: Redis, *, counter: Key, by: int) -> int:
        \"\"\"
        return redis.call("INCRBY", counter, by)
        \"\"\"
        stub()

Parameters annotated `Key` become KEYS, the others ARGV, both as Lua locals under their own names, in the order written.
`int` and `float` travel as text; a `list` or `dict` travels as JSON and arrives decoded. Amounts, seconds and stored
records are passed as `str` and never decoded further: Lua's numbers are doubles. An argument of another kind, however
deep in a list, is refused here: a script has no way back, what it wrote before it failed would stay. Every script
begins with `#!lua`, so Redis 7 refuses to begin it when out of memory, unless `allow_oom` says that finishing work must
go on or `reads` that it writes nothing. A `prelude` is Lua shared by several scripts (local functions), placed before
the docstring.
"""

import hashlib
import inspect
import json
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any, NewType, NoReturn, ParamSpec, TypeVar, get_type_hints

from redis.asyncio import Redis
from redis.exceptions import NoScriptError

Key = NewType("Key", str)

P = ParamSpec("P")
R = TypeVar("R")


def stub() -> NoReturn:
    """The body of a script function: it is never reached, because the decorator runs the docstring instead."""
    raise AssertionError("a script function without its decorator was called")


def script(
    *, allow_oom: bool = False, reads: bool = False, prelude: str = ""
) -> Callable[[Callable[P, Awaitable[R]]], Callable[P, Awaitable[R]]]:
    """Make an async function whose docstring is Lua call that Lua (EVALSHA, on NOSCRIPT once more by EVAL).

    The function raises `TypeError`, before anything is sent, for an argument that no script could take.
    """
    flags = "no-writes" if reads else "allow-oom" if allow_oom else ""

    def decorate(function: Callable[P, Awaitable[R]]) -> Callable[P, Awaitable[R]]:
        signature = inspect.signature(function)
        hints = get_type_hints(function)
        names = list(signature.parameters)[1:]
        keys = [name for name in names if hints[name] is Key]
        arguments = [name for name in names if name not in keys]
        source = _source(function, keys, arguments, hints, flags, prelude)
        sha = hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest()

        @wraps(function)
        async def call(*args: P.args, **kwargs: P.kwargs) -> R:
            bound = signature.bind(*args, **kwargs)
            bound.apply_defaults()
            values = bound.arguments
            redis: Redis = values[next(iter(signature.parameters))]
            keys_and_args = [values[name] for name in keys] + [_text(name, values[name]) for name in arguments]
            answer: R = await _evaluate(redis, source, sha, len(keys), keys_and_args)
            return answer

        return call

    return decorate


async def _evaluate(redis: Redis, source: str, sha: str, key_count: int, values: list[str]) -> Any:
    try:
        return await redis.evalsha(sha, key_count, *values)  # type: ignore[misc]  # redis-py types sync and async as one
    except NoScriptError:
        return await redis.eval(source, key_count, *values)  # type: ignore[misc]  # as above


def _source(
    function: Callable[..., Any],
    keys: list[str],
    arguments: list[str],
    hints: dict[str, Any],
    flags: str,
    prelude: str,
) -> str:
    lines = [f"#!lua flags={flags}" if flags else "#!lua"]
    lines += [f"local {name} = KEYS[{number}]" for number, name in enumerate(keys, 1)]
    for number, name in enumerate(arguments, 1):
        decoded = getattr(hints[name], "__origin__", hints[name]) in (list, dict)
        lines.append(f"local {name} = " + (f"cjson.decode(ARGV[{number}])" if decoded else f"ARGV[{number}]"))
    return "\n".join([*lines, prelude, inspect.cleandoc(function.__doc__ or "")])


def _text(name: str, value: object) -> str:
    if isinstance(value, bool):
        return "1" if value else ""
    if isinstance(value, list | dict):
        _check(name, value)
        return json.dumps(value)
    if isinstance(value, str | int | float):
        return str(value)
    raise TypeError(f"{name} is {type(value).__name__}: scripts take texts, numbers, lists and dicts")


def _check(name: str, value: object) -> None:
    """Only texts may stand in a list: null would end a script halfway, and a number arrives as a double."""
    if isinstance(value, list | tuple):
        for item in value:
            _check(name, item)
    elif isinstance(value, dict):
        for pair in value.items():
            _check(name, pair)
    elif not isinstance(value, str):
        raise TypeError(f"{name} holds {type(value).__name__}: scripts take texts in their lists")
