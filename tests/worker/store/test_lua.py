"""Scripts as functions: how arguments travel, what is refused, and what happens when the server forgot a script."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis
from redis.exceptions import OutOfMemoryError

from worker.store.keys import Keys
from worker.store.lua import Key, script, stub


@script()
async def write_all(redis: Redis, hash_: Key, rows: list[list[object]], marks: dict[str, str], last: str) -> int:
    """
    for _, row in ipairs(rows) do redis.call("HSET", hash_, row[1], row[2]) end
    for name, mark in pairs(marks) do redis.call("HSET", hash_, name, mark) end
    redis.call("HSET", hash_, "last", last)
    return redis.call("HLEN", hash_)
    """
    stub()


@script()
async def echo(redis: Redis, text: str, number: int, yes: bool, no: bool) -> list[str]:
    """
    return {text, number, yes, no}
    """
    stub()


@script(prelude="local function twice(text) return text .. text end")
async def doubled(redis: Redis, text: str) -> str:
    """
    return twice(text)
    """
    stub()


@script(allow_oom=True)
async def put(redis: Redis, key: Key, text: str) -> None:
    """
    redis.call("SET", key, text)
    """
    stub()


@script()
async def take_in(redis: Redis, key: Key, text: str) -> None:
    """
    redis.call("SET", key, text)
    """
    stub()


@script(reads=True)
async def look(redis: Redis, key: Key) -> str | None:
    """
    return redis.call("GET", key)
    """
    stub()


@script(reads=True)
async def look_and_write(redis: Redis, key: Key) -> None:
    """
    redis.call("SET", key, "written")
    """
    stub()


@pytest.fixture
async def full(redis: Redis) -> AsyncIterator[Redis]:
    """The server, out of memory."""
    await redis.config_set("maxmemory", "1")
    yield redis
    await redis.config_set("maxmemory", "0")


async def test_texts_arrive_as_they_were_sent(redis: Redis) -> None:
    text = 'ünï "quoted" \\ \n {}[] 0.10 \U0001f980'
    assert await echo(redis, text, 17, True, False) == [text, "17", "1", ""]


async def test_amounts_in_lists_keep_their_zeros_and_digits(redis: Redis, keys: Keys) -> None:
    await write_all(redis, keys("hash"), [["amount", "1234567890123456789.10"]], {}, "")
    assert await redis.hget(keys("hash"), "amount") == "1234567890123456789.10"


@pytest.mark.parametrize("count", [0, 1, 1_000, 20_000])
async def test_lists_may_be_empty_and_long(redis: Redis, keys: Keys, count: int) -> None:
    rows: list[list[object]] = [[f"id{number}", "x" * 50] for number in range(count)]
    assert await write_all(redis, keys("hash"), rows, {}, "end") == count + 1


async def test_scripts_share_functions(redis: Redis) -> None:
    assert await doubled(redis, "ab") == "abab"


async def test_a_script_runs_although_the_server_forgot_it(redis: Redis) -> None:
    assert await doubled(redis, "a") == "aa"
    await redis.script_flush()
    assert await doubled(redis, "b") == "bb"
    assert await doubled(redis, "c") == "cc"


async def test_many_calls_at_once_survive_a_server_that_forgets(redis: Redis) -> None:
    async def forget() -> None:
        for _ in range(5):
            await redis.script_flush()

    answers, _ = await asyncio.gather(asyncio.gather(*(doubled(redis, str(n)) for n in range(20))), forget())
    assert answers == [f"{n}{n}" for n in range(20)]


@pytest.mark.parametrize("bad", [None, 3, 1.5, b"bytes", True, ["deeper", None]])
async def test_what_is_no_text_in_a_list_is_refused_before_anything_is_written(
    redis: Redis, keys: Keys, bad: object
) -> None:
    with pytest.raises(TypeError, match="rows"):
        await write_all(redis, keys("hash"), [["first", "good"], ["second", bad]], {}, "")
    assert not await redis.exists(keys("hash"))


async def test_what_is_no_text_in_a_dict_is_refused_before_anything_is_written(redis: Redis, keys: Keys) -> None:
    with pytest.raises(TypeError, match="marks"):
        await write_all(redis, keys("hash"), [], {"gap": None}, "")  # type: ignore[dict-item]  # on purpose
    assert not await redis.exists(keys("hash"))


async def test_an_argument_that_is_missing_or_none_is_refused(redis: Redis, keys: Keys) -> None:
    with pytest.raises(TypeError, match="last"):
        await write_all(redis, keys("hash"), [], {}, None)  # type: ignore[arg-type]  # on purpose
    with pytest.raises(TypeError):
        await write_all(redis, keys("hash"), [], {})  # type: ignore[call-arg]  # on purpose
    assert not await redis.exists(keys("hash"))


async def test_without_memory_work_is_finished_and_read_but_none_taken_in(full: Redis, keys: Keys) -> None:
    await put(full, keys("text"), "kept")
    assert await look(full, keys("text")) == "kept"
    with pytest.raises(OutOfMemoryError):
        await take_in(full, keys("text"), "more")
    assert await look(full, keys("text")) == "kept"


async def test_a_script_that_reads_cannot_write(redis: Redis, keys: Keys) -> None:
    with pytest.raises(Exception, match="read-only"):
        await look_and_write(redis, keys("text"))
    assert not await redis.exists(keys("text"))


def test_a_script_function_needs_its_decorator() -> None:
    with pytest.raises(AssertionError, match="decorator"):
        stub()
