"""The ledger's scripts, and the Lua they share with the intents and the rebuild.

A unit's hash has its facts (`entry`, `ticket`, `verdict`, `belongs`, `cause`), one field `on:{document}` for every
document it is or was on ("order open postings": in which order it came there, whether the document holds it open, and
the postings as JSON), and what follows from these: `posted` and `at`. A script names the document it speaks of and
writes only that field, so two documents of one unit never overwrite each other's postings.
"""

from redis.asyncio import Redis

from worker.store.figures import FIGURES_PRELUDE
from worker.store.lua import Key, script, stub
from worker.store.worklist_scripts import PRELUDE

LEDGER_PRELUDE = (
    PRELUDE
    + FIGURES_PRELUDE
    + """
local function unit_on(unit)  -- the key whose document holds it open, and the keys of all documents it is on
  local row, posted, last, keys = redis.call("HGETALL", unit), "", 0, {}
  for n = 1, #row, 2 do
    local key = string.match(row[n], "^on:([^/]+)/")
    if key then
      keys[key] = true
      local order, open = string.match(row[n + 1], "^(%d+) ([01]) ")
      if open == "1" and tonumber(order) > last then posted, last = key, tonumber(order) end
    end
  end
  return posted, keys
end
local function unit_put(base, row)  -- row: id, document, its postings there ("" for none), "1" where it is held open
  local id, document, postings, open = row[1], row[2], row[3], row[4]
  local unit, field = base .. "unit:" .. id, "on:" .. document
  local had = redis.call("HGET", unit, field) or ""
  local now = ""
  if postings == "" then
    redis.call("HDEL", unit, field)
  else
    local order = string.match(had, "^%d+") or redis.call("HINCRBY", unit, "order", 1)
    now = order .. " " .. open .. " " .. postings
    redis.call("HSET", unit, field, now)
    redis.call("SADD", base .. "members:" .. string.match(document, "^[^/]+"), id)
  end
  redis.call("SADD", base .. "units", id)
  if now == had then return end
  redis.call("ZADD", base .. "recent", now_ms(), id)
  redis.call("ZREMRANGEBYRANK", base .. "recent", 0, -1001)
end
local function unit_leave(base, id, key)  -- no longer a member where it neither belongs, nor is on a document, nor held
  local unit = base .. "unit:" .. id
  local row = redis.call("HMGET", unit, "at", "belongs")
  local _, keys = unit_on(unit)
  if row[1] ~= key and row[2] ~= key and not keys[key] then redis.call("SREM", base .. "members:" .. key, id) end
end
local function unit_let_go(base, id, key)  -- `key` holds the unit no more, unless by its open document
  local unit = base .. "unit:" .. id
  local row, posted = redis.call("HMGET", unit, "at", "belongs"), unit_on(unit)
  local at, belongs = row[1] or "", row[2] or ""
  if at == "" or at == key then at = posted end  -- else another key's intent or document holds it
  redis.call("HSET", unit, "posted", posted, "at", at)
  if posted == key then return end
  if belongs ~= "" and belongs ~= key then work_add(base, "invoices", belongs, 0, 0, 0) end
  unit_leave(base, id, key)
end
local function unit_facts(base, row, ticket)
  local id, belongs, cause = row[1], row[5], row[7]
  local unit = base .. "unit:" .. id
  local had = redis.call("HMGET", unit, "cause", "belongs", "named")
  redis.call("HSET", unit, "ticket", ticket, "entry", row[3], "verdict", row[4])
  redis.call("HSET", unit, "belongs", belongs, "cause", cause)
  redis.call("SADD", base .. "units", id)
  if belongs ~= "" then redis.call("SADD", base .. "members:" .. belongs, id) end
  if had[2] and had[2] ~= "" then unit_leave(base, id, had[2]) end
  if had[1] and had[1] ~= "" then redis.call("SREM", base .. "cause:" .. had[1], "collect|" .. id) end
  waits_put(base, id, row[10] or "")
  named_put(base, id, had[3] or "", row[11] or "")
  if row[6] == "1" then
    redis.call("ZADD", base .. "waiting", "NX", now_ms(), id)
    if cause ~= "" then redis.call("SADD", base .. "cause:" .. cause, "collect|" .. id) end
  else
    redis.call("ZREM", base .. "waiting", id)
  end
end
local function unit_flip(unit, wanted, window)  -- notes when what the record asks for turns around, for a while
  local had, now, kept = redis.call("HMGET", unit, "wanted", "flips"), now_ms(), {}
  for moment in string.gmatch(had[2] or "", "%d+") do
    if now - moment < window then kept[#kept + 1] = moment end
  end
  if had[1] and had[1] ~= "" and had[1] ~= wanted then kept[#kept + 1] = string.format("%.0f", now) end
  redis.call("HSET", unit, "wanted", wanted)
  redis.call("HDEL", unit, "flips")
  if #kept > 0 then redis.call("HSET", unit, "flips", table.concat(kept, " ")) end
end
local STATUSES = {"open", "awaiting-approval", "approved", "paid", "voided", "deleted"}
local function invoice_put(base, key, record)
  redis.call("HSET", base .. "invoice:" .. key, "record", record, "version", drawn(base .. "generation"))
  redis.call("ZADD", base .. "invoices", now_ms(), key)
  local found, has = cjson.decode(record), {}  -- looked at: what people find it by, and its sums
  sums_put(base, key, found)
  for _, document in ipairs(found.documents or {}) do
    has[document.status or "open"] = true
    if (document.number or "") ~= "" then redis.call("HSET", base .. "invoices:numbered", document.number, key) end
  end
  for _, status in ipairs(STATUSES) do
    if has[status] then
      redis.call("ZADD", base .. "invoices:" .. status, now_ms(), key)
    else
      redis.call("ZREM", base .. "invoices:" .. status, key)
    end
  end
end
"""
)


@script(prelude=PRELUDE)
async def ticket(redis: Redis, counter: Key) -> str:
    """
    return drawn(counter)
    """
    stub()


@script(prelude=LEDGER_PRELUDE)
async def store_facts(
    redis: Redis,
    base: str,
    epoch: str,
    ticket: str,
    rows: list[list[str]],
    quiet: int,
    most: int,
    size: int,
    window: int,
) -> list[str] | None:
    """
    if not epoch_is(base, epoch) then return false end
    local refused = {}
    for _, row in ipairs(rows) do
      local id, unit = row[1], base .. "unit:" .. row[1]
      local had = redis.call("HMGET", unit, "ticket", "at", "belongs")
      if had[1] and tonumber(had[1]) >= tonumber(ticket) then
        refused[#refused + 1] = id
        work_end(base .. "work:collect", id)
      else
        local _, keys = unit_on(unit)
        unit_facts(base, row, ticket)
        if row[9] ~= "" then unit_flip(unit, row[9], tonumber(window)) end
        keys[row[5]], keys[had[2] or ""], keys[had[3] or ""] = true, true, true
        keys[""] = nil
        for key, _ in pairs(keys) do work_add(base, "invoices", key, quiet, most, tonumber(size)) end
        if row[8] == "1" then work_add(base, "write_back", id, 0, 0, 0) end
        work_done(base, "collect", id, row[2])
      end
    end
    return refused
    """
    stub()


@script(allow_oom=True, prelude=LEDGER_PRELUDE)
async def merge(
    redis: Redis, base: str, epoch: str, key: str, version: str, record: str, rows: list[list[str]], mark: str
) -> int | None:
    """
    if not epoch_is(base, epoch) then return false end
    local had = redis.call("HMGET", base .. "invoice:" .. key, "version", "slot")
    if (had[1] or "0") ~= version or (had[2] or "") ~= "" then return 0 end
    invoice_put(base, key, record)
    for _, row in ipairs(rows) do
      unit_put(base, row)
      unit_let_go(base, row[1], key)
      work_add(base, "write_back", row[1], 0, 0, 0)
    end
    if redis.call("HGET", base .. "verify", key) == mark then redis.call("HDEL", base .. "verify", key) end
    work_add(base, "invoices", key, 0, 0, 0)
    return 1
    """
    stub()


@script(prelude=LEDGER_PRELUDE)
async def close(redis: Redis, base: str, epoch: str, period: str, keys: list[str], units: list[str]) -> int | None:
    """
    if not epoch_is(base, epoch) then return false end
    for _, key in ipairs(keys) do
      if work_unresolved(base, "invoices", key) or redis.call("ZSCORE", base .. "work:invoices", key) then return 0 end
    end
    for _, unit in ipairs(units) do  -- begun since it was looked at: its document is one of the period's
      if (redis.call("HGET", base .. "unit:" .. unit, "at") or "") ~= "" then return 0 end
    end
    redis.call("SADD", base .. "closed", period)
    for _, key in ipairs(keys) do work_add(base, "invoices", key, 0, 0, 0) end
    for _, unit in ipairs(units) do work_add(base, "collect", unit, 0, 0, 0) end
    return 1
    """
    stub()


@script(allow_oom=True)
async def unflag(redis: Redis, verify: Key, key: str, mark: str) -> None:
    """
    if redis.call("HGET", verify, key) == mark then redis.call("HDEL", verify, key) end
    """
    stub()


@script()
async def raise_series(redis: Redis, series: Key, least: int) -> None:
    """
    if tonumber(redis.call("GET", series) or 0) < tonumber(least) then redis.call("SET", series, least) end
    """
    stub()


@script(allow_oom=True)
async def note_written(redis: Redis, unit: Key, ticket: str, entry: str) -> None:
    """
    if redis.call("HGET", unit, "ticket") == ticket then redis.call("HSET", unit, "entry", entry) end
    """
    stub()
