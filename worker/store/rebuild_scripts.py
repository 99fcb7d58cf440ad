"""The rebuild's scripts. Each names the token of the rebuild's lease and writes nothing under another one."""

from redis.asyncio import Redis

from worker.store.ledger_scripts import LEDGER_PRELUDE
from worker.store.lua import Key, script, stub


@script()
async def take(redis: Redis, lease: Key, token: str, ttl: int) -> str:
    """
    if redis.call("SET", lease, token, "NX", "PX", ttl) then return token end
    return ""
    """
    stub()


@script()
async def keep(redis: Redis, lease: Key, token: str, ttl: int) -> int:
    """
    if redis.call("GET", lease) ~= token then return 0 end
    redis.call("PEXPIRE", lease, ttl)
    return 1
    """
    stub()


@script(allow_oom=True)
async def let_go(redis: Redis, lease: Key, token: str) -> None:
    """
    if redis.call("GET", lease) == token then redis.call("DEL", lease) end
    """
    stub()


@script(allow_oom=True)
async def discard(redis: Redis, current: Key, rebuild: Key, epoch: str, why: str) -> int:
    """
    if redis.call("GET", current) ~= epoch then return 0 end
    redis.call("DEL", current)
    redis.call("HSET", rebuild, "why", why)
    redis.call("HDEL", rebuild, "progress")
    return 1
    """
    stub()


@script()
async def advance(redis: Redis, lease: Key, rebuild: Key, token: str, progress: str) -> int:
    """
    if redis.call("GET", lease) ~= token then return 0 end
    redis.call("HSET", rebuild, "progress", progress)
    return 1
    """
    stub()


@script(prelude=LEDGER_PRELUDE)
async def restore_invoice(redis: Redis, lease: Key, base: str, token: str, key: str, record: str) -> int:
    """
    if redis.call("GET", lease) ~= token then return 0 end
    invoice_put(base, key, record)
    return 1
    """
    stub()


# Postings as they were found replace all that were held; the unit is wherever these say.
REPLACE = """
local function unit_replace(base, id, rows)
  local unit = base .. "unit:" .. id
  local _, before = unit_on(unit)
  for _, field in ipairs(redis.call("HKEYS", unit)) do
    if string.match(field, "^on:") then redis.call("HDEL", unit, field) end
  end
  for _, row in ipairs(rows) do unit_put(base, row) end
  local posted = unit_on(unit)
  redis.call("HSET", unit, "posted", posted, "at", posted)
  for key, _ in pairs(before) do unit_leave(base, id, key) end
end
"""


@script(prelude=LEDGER_PRELUDE + REPLACE)
async def restore_units(redis: Redis, lease: Key, base: str, token: str, ticket: str, rows: list[list[object]]) -> int:
    """
    if redis.call("GET", lease) ~= token then return 0 end
    for _, row in ipairs(rows) do
      local fact = row[1]
      local id, belongs = fact[1], fact[5]
      unit_facts(base, fact, ticket)
      unit_replace(base, id, row[2])
      if belongs ~= "" then work_add(base, "invoices", belongs, 0, 0, 0) end
      if fact[8] == "1" then work_add(base, "write_back", id, 0, 0, 0) end
    end
    return 1
    """
    stub()


@script(prelude=LEDGER_PRELUDE + REPLACE)
async def restore_postings(redis: Redis, lease: Key, base: str, token: str, rows: list[list[object]]) -> int:
    """
    if redis.call("GET", lease) ~= token then return 0 end
    for _, row in ipairs(rows) do unit_replace(base, row[1], row[2]) end
    return 1
    """
    stub()


@script()
async def restore_decisions(redis: Redis, lease: Key, base: str, token: str, rows: list[list[str]]) -> int:
    """
    if redis.call("GET", lease) ~= token then return 0 end
    for _, row in ipairs(rows) do
      redis.call("HSET", base .. "unit:" .. row[1], "decisions", row[2])
      redis.call("SADD", base .. "units", row[1])
    end
    return 1
    """
    stub()


@script()
async def restore_closed(redis: Redis, lease: Key, closed: Key, token: str, periods: list[str]) -> int:
    """
    if redis.call("GET", lease) ~= token then return 0 end
    for _, period in ipairs(periods) do redis.call("SADD", closed, period) end
    return 1
    """
    stub()


@script()
async def restore_number(
    redis: Redis, lease: Key, series: Key, base: str, token: str, name: str, number: str, value: int
) -> int:
    """
    if redis.call("GET", lease) ~= token then return 0 end
    redis.call("HSET", base .. "numbers", name, number)
    if tonumber(redis.call("GET", series) or 0) < tonumber(value) then redis.call("SET", series, value) end
    return 1
    """
    stub()


@script()
async def doubt(redis: Redis, lease: Key, doubts: Key, token: str, units: list[str], text: str) -> int:
    """
    if redis.call("GET", lease) ~= token then return 0 end
    for _, unit in ipairs(units) do redis.call("HSET", doubts, unit, text) end
    return 1
    """
    stub()


@script()
async def raise_counter(redis: Redis, lease: Key, counter: Key, token: str, least: int) -> int:
    """
    if redis.call("GET", lease) ~= token then return 0 end
    if tonumber(redis.call("GET", counter) or 0) < tonumber(least) then redis.call("SET", counter, least) end
    return 1
    """
    stub()


@script(prelude=LEDGER_PRELUDE)
async def forget_intent(redis: Redis, lease: Key, base: str, token: str, intent: str, rows: list[list[object]]) -> int:
    """
    if redis.call("GET", lease) ~= token then return 0 end
    for _, row in ipairs(rows) do
      local key = row[1]
      if redis.call("HGET", base .. "invoice:" .. key, "slot") == intent then
        redis.call("HDEL", base .. "invoice:" .. key, "slot")
        for _, unit in ipairs(row[2]) do unit_let_go(base, unit, key) end
        work_add(base, "invoices", key, 0, 0, 0)
      end
    end
    redis.call("DEL", base .. "intent:" .. intent)
    redis.call("ZREM", base .. "intents", intent)
    return 1
    """
    stub()


@script(prelude=LEDGER_PRELUDE)
async def complete(redis: Redis, lease: Key, base: str, token: str, epoch: str) -> int:
    """
    if redis.call("GET", lease) ~= token then return 0 end
    redis.call("DEL", base .. "rebuild")
    redis.call("DEL", lease)
    for _, key in ipairs(redis.call("ZRANGE", base .. "invoices", 0, -1)) do
      work_add(base, "invoices", key, 0, 0, 0)
    end
    redis.call("SET", base .. "epoch", epoch)
    return 1
    """
    stub()
