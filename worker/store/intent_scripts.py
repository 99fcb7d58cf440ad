"""The slots' scripts. `intent:{id}` has `text`, `first_sent` and `sends`; `intents` lists those unresolved by time."""

from redis.asyncio import Redis

from worker.store.ledger_scripts import LEDGER_PRELUDE
from worker.store.lua import Key, script, stub


@script(prelude=LEDGER_PRELUDE)
async def begin(
    redis: Redis,
    base: str,
    epoch: str,
    least: int,
    setup_version: str,
    intent: str,
    text: str,
    rows: list[list[object]],
    bindings: list[list[str]],
    series: int,
    counts: str,
    asked: str,
) -> list[str] | None:
    """
    if not epoch_is(base, epoch) then return false end
    local counter = tonumber(redis.call("GET", base .. "intents:counter") or 0)
    if redis.call("EXISTS", base .. "intent:" .. intent) == 1 then return {"begun", tostring(counter)} end
    local function whole(reason) return {"refused", "", reason} end
    if counter < tonumber(least) then return whole("behind") end
    local held = redis.call("HMGET", base .. "stage:invoices", "paused", "preview")
    if held[1] then return whole("paused") end
    if held[2] and asked == "" then return whole("preview") end
    if (redis.call("HGET", base .. "setup", "version") or "0") ~= setup_version then return whole("setup") end
    local stands = tonumber(redis.call("GET", base .. counts) or 0)
    if tonumber(series) >= 0 and stands ~= tonumber(series) then return whole("series") end

    local refused, keys, placed = {"refused"}, {}, {}
    for _, row in ipairs(rows) do
      local key, reason = row[1], nil
      local had = redis.call("HMGET", base .. "invoice:" .. key, "version", "slot")
      for _, pair in ipairs(row[3]) do
        local unit = redis.call("HMGET", base .. "unit:" .. pair[1], "ticket", "at")
        local at = unit[2] or ""
        if at ~= "" and at ~= key or placed[pair[1]] then reason = "moving" end
        if (unit[1] or "0") ~= pair[2] then reason = "facts" end
        placed[pair[1]] = true
      end
      if (had[1] or "0") ~= row[2] then reason = "version" end
      if (had[2] or "") ~= "" or keys[key] then reason = "slot" end
      keys[key] = true
      if reason then
        refused[#refused + 1] = key
        refused[#refused + 1] = reason
      end
    end
    if #refused > 1 then return refused end

    for _, row in ipairs(rows) do
      redis.call("HSET", base .. "invoice:" .. row[1], "slot", intent)
      for _, pair in ipairs(row[3]) do redis.call("HSET", base .. "unit:" .. pair[1], "at", row[1]) end
      if not redis.call("ZSCORE", base .. "work:invoices", row[1]) then work_add(base, "invoices", row[1], 0, 0, 0) end
    end
    for _, binding in ipairs(bindings) do redis.call("HSET", base .. "numbers", binding[1], binding[2]) end
    if tonumber(series) >= 0 then redis.call("SET", base .. counts, series + #bindings) end
    redis.call("HSET", base .. "intent:" .. intent, "text", text, "first_sent", now_ms(), "sends", 1)
    redis.call("ZADD", base .. "intents", now_ms(), intent)
    return {"begun", tostring(redis.call("INCR", base .. "intents:counter"))}
    """
    stub()


@script(reads=True, prelude=LEDGER_PRELUDE)
async def read(redis: Redis, base: str, intent: str) -> list[str] | None:
    """
    local row = redis.call("HMGET", base .. "intent:" .. intent, "text", "first_sent", "sends")
    if not row[1] then return false end
    return {row[1], row[2], row[3], tostring(now_ms() - row[2])}
    """
    stub()


@script(allow_oom=True, prelude=LEDGER_PRELUDE)
async def send_again(
    redis: Redis, base: str, epoch: str, intent: str, keys: list[str], most: int, within: int
) -> int | None:
    """
    if not epoch_is(base, epoch) then return false end
    local row = redis.call("HMGET", base .. "intent:" .. intent, "first_sent", "sends")
    if not row[1] or now_ms() - row[1] >= tonumber(within) or tonumber(row[2]) > tonumber(most) then return 0 end
    for _, key in ipairs(keys) do
      if redis.call("HGET", base .. "invoice:" .. key, "slot") ~= intent then return 0 end
    end
    redis.call("HINCRBY", base .. "intent:" .. intent, "sends", 1)
    return 1
    """
    stub()


@script(allow_oom=True)
async def exhaust(redis: Redis, intent: Key) -> None:
    """
    if redis.call("EXISTS", intent) == 1 then redis.call("HSET", intent, "sends", 1000) end
    """
    stub()


@script(allow_oom=True, prelude=LEDGER_PRELUDE)
async def settle(
    redis: Redis, base: str, epoch: str, intent: str, rows: list[list[object]], keys: list[str], sends: int
) -> list[str] | None:
    """
    if not epoch_is(base, epoch) then return false end
    local sent = tonumber(redis.call("HGET", base .. "intent:" .. intent, "sends") or 0)
    if tonumber(sends) > 0 and sent > tonumber(sends) then return {} end
    local gone = {}
    for _, row in ipairs(rows) do
      local key, invoice = row[1], base .. "invoice:" .. row[1]
      if redis.call("HGET", invoice, "slot") ~= intent then
        gone[#gone + 1] = key
        local mark = drawn(base .. "generation") .. " an answer arrived after its slot was gone"
        redis.call("HSET", base .. "verify", key, mark)
        work_add(base, "invoices", key, 0, 0, 0)
      else
        redis.call("HDEL", invoice, "slot")
        if row[3] ~= "" then
          invoice_put(base, key, row[3])
          redis.call("HSET", invoice, "written", now_ms())
        end
        for _, unit in ipairs(row[4]) do
          unit_put(base, unit)
          unit_let_go(base, unit[1], key)
          work_add(base, "write_back", unit[1], 0, 0, 0)
        end
        for _, unit in ipairs(row[5]) do unit_let_go(base, unit, key) end
        if row[6] == "1" then work_done(base, "invoices", key, row[2]) end
      end
    end
    for _, key in ipairs(keys) do
      if redis.call("HGET", base .. "invoice:" .. key, "slot") == intent then return gone end
    end
    redis.call("DEL", base .. "intent:" .. intent)
    redis.call("ZREM", base .. "intents", intent)
    return gone
    """
    stub()
