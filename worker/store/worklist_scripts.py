"""The work lists' scripts, and the Lua that every script touching a list shares.

A list is the sorted set `work:{stage}` (id -> max(due, lease end)) with one hash a column beside it:

gen       the generation, moved by every add             first     when it was first added since it was last claimed
due       when it is due, whoever holds its lease        size      how often it was added since
lease     until when a process holds it                  attempts  claims since it was last done
error     why the last attempt failed                    waiting, cause, :parked    of items that wait

Times are milliseconds of Redis' clock.
"""

from redis.asyncio import Redis

from worker.store.lua import Key, script, stub

PRELUDE = """
local function now_ms()
  local time = redis.call("TIME")
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function drawn(counter)  -- a number never given before, nor by a store since wiped or rolled back
  local time = redis.call("TIME")
  local last = tonumber(redis.call("GET", counter) or 0)
  local number = string.format("%.0f", math.max(last + 1, time[1] * 1000000 + time[2]))
  redis.call("SET", counter, number)
  return number
end
local function epoch_is(base, epoch)
  return epoch ~= "" and redis.call("GET", base .. "epoch") == epoch
end
local function work_end(list, id)
  redis.call("HDEL", list .. ":lease", id)
  local due = redis.call("HGET", list .. ":due", id)
  if due then redis.call("ZADD", list, due, id) end
end
local function work_forget(list, id)
  redis.call("ZREM", list, id)
  for _, part in ipairs({"gen", "due", "lease", "first", "size", "attempts", "error"}) do
    redis.call("HDEL", list .. ":" .. part, id)
  end
end
local function work_unpark(base, stage, id)
  local list = base .. "work:" .. stage
  local parked = redis.call("HGET", list .. ":cause", id)
  if not parked then return end
  redis.call("HDEL", list .. ":waiting", id)
  redis.call("HDEL", list .. ":cause", id)
  redis.call("ZREM", list .. ":parked", id)
  if parked ~= "" then redis.call("SREM", base .. "cause:" .. parked, stage .. "|" .. id) end
end
local function work_add(base, stage, id, quiet, most, size)
  local list, now = base .. "work:" .. stage, now_ms()
  redis.call("HSET", list .. ":gen", id, drawn(base .. "generation"))
  redis.call("HSETNX", list .. ":first", id, now)
  local due = math.max(now, math.min(now + quiet, redis.call("HGET", list .. ":first", id) + most))
  if size > 0 and redis.call("HINCRBY", list .. ":size", id, 1) >= size then due = now end
  local had = tonumber(redis.call("HGET", list .. ":due", id))
  local lease = tonumber(redis.call("HGET", list .. ":lease", id) or 0)
  if had and had <= now and lease <= now then due = had end  -- what is due keeps its place however often it changes
  redis.call("HSET", list .. ":due", id, due)
  work_unpark(base, stage, id)
  redis.call("ZADD", list, math.max(due, lease), id)
end
local function work_moved(list, id, generation)
  if redis.call("HGET", list .. ":gen", id) == generation then return false end
  work_end(list, id)
  return true
end
local function work_unresolved(base, stage, id)  -- an invoice with a full slot never leaves its list
  return stage == "invoices" and (redis.call("HGET", base .. "invoice:" .. id, "slot") or "") ~= ""
end
local function pulse(base, stage, what, count, late)  -- see worker.store.pulse
  local minute, key = math.floor(now_ms() / 60000), base .. "pulse:" .. stage
  local slot = minute % 60
  if redis.call("HGET", key, "minute" .. slot) ~= tostring(minute) then
    redis.call("HSET", key, "minute" .. slot, minute, "done" .. slot, 0, "failed" .. slot, 0, "late" .. slot, 0)
  end
  redis.call("HINCRBY", key, what .. slot, count)
  if late > tonumber(redis.call("HGET", key, "late" .. slot)) then redis.call("HSET", key, "late" .. slot, late) end
end
local function work_done(base, stage, id, generation)
  local list = base .. "work:" .. stage
  pulse(base, stage, "done", 1, now_ms() - (redis.call("HGET", list .. ":due", id) or now_ms()))
  if redis.call("HGET", list .. ":gen", id) == generation and not work_unresolved(base, stage, id) then
    return work_forget(list, id)
  end
  redis.call("HDEL", list .. ":attempts", id)
  redis.call("HDEL", list .. ":error", id)
  work_end(list, id)
end
"""


@script(prelude=PRELUDE)
async def add(redis: Redis, base: str, stage: str, ids: list[str], quiet: int, most: int, size: int) -> None:
    """
    for _, id in ipairs(ids) do work_add(base, stage, id, quiet, most, tonumber(size)) end
    """
    stub()


@script(prelude=PRELUDE)
async def claim(
    redis: Redis, base: str, stage: str, epoch: str, count: int, lease: int, gather: int, whole: int
) -> list[list[str]] | None:
    """
    local work = base .. "work:" .. stage
    if not epoch_is(base, epoch) then return false end
    local now = now_ms()
    local held = redis.call("HMGET", base .. "stage:" .. stage, "paused", "not_before")
    if held[1] or (held[2] and tonumber(held[2]) > now) then return {} end
    local first = redis.call("ZRANGE", work, 0, 0, "WITHSCORES")
    if not first[2] or tonumber(first[2]) > now then return {} end
    if tonumber(whole) == 1 and redis.call("ZCOUNT", work, "-inf", now) < tonumber(count) then
      for _, held_until in ipairs(redis.call("HVALS", work .. ":lease")) do
        if tonumber(held_until) > now then return {} end  -- they gather until that one is done
      end
    end
    local claimed, lease_end = {}, string.format("%.0f", now + lease)
    local ids = redis.call("ZRANGE", work, "-inf", now + gather, "BYSCORE", "LIMIT", 0, count * 3 + 50)
    for _, id in ipairs(ids) do
      local leased = redis.call("HGET", work .. ":lease", id)
      if #claimed < tonumber(count) and not (leased and tonumber(leased) > now) then
        redis.call("HSET", work .. ":lease", id, lease_end)
        redis.call("HDEL", work .. ":first", id)
        redis.call("HDEL", work .. ":size", id)
        redis.call("ZADD", work, lease_end, id)
        local attempts = redis.call("HINCRBY", work .. ":attempts", id, 1)
        claimed[#claimed + 1] = {id, redis.call("HGET", work .. ":gen", id), tostring(attempts), lease_end}
      end
    end
    return claimed
    """
    stub()


@script(allow_oom=True, prelude=PRELUDE)
async def done(redis: Redis, base: str, stage: str, epoch: str, pairs: list[list[str]]) -> int | None:
    """
    if not epoch_is(base, epoch) then return false end
    for _, pair in ipairs(pairs) do work_done(base, stage, pair[1], pair[2]) end
    return #pairs
    """
    stub()


@script(allow_oom=True, prelude=PRELUDE)
async def retry(
    redis: Redis, base: str, stage: str, epoch: str, id: str, generation: str, lease: str, delay: int, error: str
) -> int | None:
    """
    local work = base .. "work:" .. stage
    if not epoch_is(base, epoch) then return false end
    if redis.call("HGET", work .. ":lease", id) ~= lease then return 0 end
    if work_moved(work, id, generation) then return 0 end
    redis.call("HSET", work .. ":error", id, error)
    pulse(base, stage, "failed", 1, 0)
    redis.call("HSET", work .. ":due", id, now_ms() + delay)
    work_end(work, id)
    return 1
    """
    stub()


@script(allow_oom=True, prelude=PRELUDE)
async def wait(
    redis: Redis, base: str, stage: str, epoch: str, id: str, generation: str, lease: str, parked: str, cause: str
) -> int | None:
    """
    local work = base .. "work:" .. stage
    if not epoch_is(base, epoch) then return false end
    if redis.call("HGET", work .. ":lease", id) ~= lease then return 0 end
    if work_moved(work, id, generation) then return 0 end
    if work_unresolved(base, stage, id) then
      work_end(work, id)
      return 0
    end
    work_forget(work, id)
    redis.call("HSET", work .. ":waiting", id, parked)
    redis.call("HSET", work .. ":cause", id, cause)
    redis.call("ZADD", work .. ":parked", now_ms(), id)
    if cause ~= "" then redis.call("SADD", base .. "cause:" .. cause, stage .. "|" .. id) end
    return 1
    """
    stub()


@script(allow_oom=True, prelude=PRELUDE)
async def hand_back(redis: Redis, base: str, stage: str, pairs: list[list[str]]) -> None:
    """
    local work = base .. "work:" .. stage
    for _, pair in ipairs(pairs) do
      local id, lease = pair[1], pair[2]
      if redis.call("HGET", work .. ":lease", id) == lease then
        redis.call("HINCRBY", work .. ":attempts", id, -1)
        work_end(work, id)
      end
    end
    """
    stub()


@script(allow_oom=True, prelude=PRELUDE)
async def postpone(
    redis: Redis, base: str, stage: str, epoch: str, id: str, generation: str, lease: str, delay: int
) -> int | None:
    """
    local work = base .. "work:" .. stage
    if not epoch_is(base, epoch) then return false end
    if redis.call("HGET", work .. ":lease", id) ~= lease then return 0 end
    redis.call("HINCRBY", work .. ":attempts", id, -1)
    if work_moved(work, id, generation) then return 0 end
    redis.call("HSET", work .. ":due", id, now_ms() + delay)
    work_end(work, id)
    return 1
    """
    stub()


@script(prelude=PRELUDE)
async def hasten(redis: Redis, base: str, stage: str, lifted: str, asked: str) -> None:
    """
    local work = base .. "work:" .. stage
    local now = now_ms()
    if redis.call("HGET", base .. "stage:" .. stage, "held_why") == lifted then
      redis.call("HDEL", base .. "stage:" .. stage, "not_before", "held_why")
    end
    for _, id in ipairs(redis.call("ZRANGE", work, 0, -1)) do
      if asked ~= "" then redis.call("HDEL", base .. "invoice:" .. id, "written") end
      local due = math.min(now, tonumber(redis.call("HGET", work .. ":due", id) or now))
      redis.call("HSET", work .. ":due", id, due)
      redis.call("ZADD", work, math.max(due, redis.call("HGET", work .. ":lease", id) or 0), id)
    end
    """
    stub()


@script(reads=True, prelude=PRELUDE)
async def counts(redis: Redis, base: str, stage: str) -> tuple[int, int, int, int, int, int]:
    """
    local work = base .. "work:" .. stage
    local now, leased, oldest = now_ms(), 0, 0
    for _, lease in ipairs(redis.call("HVALS", work .. ":lease")) do
      if tonumber(lease) > now then leased = leased + 1 end
    end
    local first = redis.call("ZRANGE", work, 0, 0, "WITHSCORES")
    if first[2] and tonumber(first[2]) < now then oldest = math.floor((now - first[2]) / 1000) end
    local due = redis.call("ZCOUNT", work, "-inf", now)
    local later = redis.call("ZCARD", work) - due - leased
    return {due, leased, redis.call("HLEN", work .. ":error"), redis.call("ZCARD", work .. ":parked"), oldest, later}
    """
    stub()


@script(reads=True, prelude=PRELUDE)
async def next_due(redis: Redis, base: str, stage: str) -> int | None:
    """
    local first = redis.call("ZRANGE", base .. "work:" .. stage, 0, 0, "WITHSCORES")
    if not first[2] then return false end
    return first[2] - now_ms()
    """
    stub()


@script(allow_oom=True, prelude=PRELUDE)
async def hold(redis: Redis, stage: Key, wait: int, why: str) -> None:
    """
    local until_ms = now_ms() + wait
    if until_ms <= tonumber(redis.call("HGET", stage, "not_before") or 0) then return end
    redis.call("HSET", stage, "not_before", string.format("%.0f", until_ms), "held_why", why)
    """
    stub()


@script(reads=True, prelude=PRELUDE)
async def held(redis: Redis, stage: Key) -> list[str]:
    """
    local found = redis.call("HMGET", stage, "not_before", "held_why")
    if tonumber(found[1] or 0) <= now_ms() then return {"0", ""} end
    return {found[1], found[2] or ""}
    """
    stub()


@script(allow_oom=True, prelude=PRELUDE)
async def release(redis: Redis, base: str, stage: str, ids: list[str], quiet: int) -> None:
    """
    for _, id in ipairs(ids) do work_add(base, stage, id, quiet, quiet, 0) end
    """
    stub()


@script(allow_oom=True, prelude=PRELUDE)
async def release_cause(redis: Redis, cause: Key, base: str) -> int:
    """
    local members = redis.call("SMEMBERS", cause)
    for _, member in ipairs(members) do
      local stage, id = string.match(member, "^([^|]+)|(.*)$")
      work_add(base, stage, id, 0, 0, 0)
    end
    redis.call("DEL", cause)
    return #members
    """
    stub()


@script(allow_oom=True, prelude=PRELUDE)
async def give_up(redis: Redis, base: str, stage: str, rows: list[list[str]], failed: bool) -> list[str]:
    """
    local work, answers = base .. "work:" .. stage, {}
    local function parked(id, text, cause)
      if not redis.call("ZSCORE", work, id) then return "absent" end
      if failed ~= "" and redis.call("HEXISTS", work .. ":error", id) == 0 then return "not-retried" end
      if tonumber(redis.call("HGET", work .. ":lease", id) or 0) > now_ms() then return "leased" end
      if work_unresolved(base, stage, id) then return "unresolved" end
      work_forget(work, id)
      redis.call("HSET", work .. ":waiting", id, text)
      redis.call("HSET", work .. ":cause", id, cause)
      redis.call("ZADD", work .. ":parked", now_ms(), id)
      return "parked"
    end
    for index, row in ipairs(rows) do answers[index] = parked(row[1], row[2], row[3]) end
    return answers
    """
    stub()


@script(prelude=PRELUDE)
async def forgive(redis: Redis, base: str, stage: str, ids: list[str]) -> None:
    """
    local work = base .. "work:" .. stage
    for _, id in ipairs(ids) do
      redis.call("HDEL", work .. ":attempts", id)
      redis.call("HDEL", work .. ":error", id)
      work_add(base, stage, id, 0, 0, 0)
    end
    """
    stub()
