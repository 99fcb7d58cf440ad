"""The governor's scripts. Times are milliseconds of Redis' clock.

flying    zset  permit -> when it is given up if no answer comes
slots     zset  permit -> when its slot is free again (`held:…` for calls that others made)
state     hash  seen, stop, why, day, today, total, asked (the last call), number; of Xero's day: day_left, day_most
                (the most that was ever left), day_began (when it was last seen to begin)
waiting   hash  {caller}:since, {caller}:last of refused background calls; overdue: until when a slot is kept for one
"""

from redis.asyncio import Redis

from worker.store.lua import Key, script, stub


@script()
async def admit(
    redis: Redis,
    *,
    flying: Key,
    slots: Key,
    state: Key,
    waiting: Key,
    permit: str,
    in_flight: int,
    per_minute: int,
    spare: int,
    day: int,
    day_reserve: int,
    caller: str,
    minute: int,
    lease: int,
    patience: int,
) -> str:
    """
    local time = redis.call("TIME")
    local now = time[1] * 1000 + math.floor(time[2] / 1000)
    minute, patience = tonumber(minute), tonumber(patience)

    local waited = 0  -- how long this background caller has been refused, without giving up in between
    if caller ~= "" then
        local since, last = unpack(redis.call("HMGET", waiting, caller .. ":since", caller .. ":last"))
        if since and now - last <= patience then
            waited = now - since
        end
    end

    for _, lost in ipairs(redis.call("ZRANGEBYSCORE", flying, "-inf", now)) do
        redis.call("ZADD", slots, redis.call("ZSCORE", flying, lost) + minute, lost)
        redis.call("ZREM", flying, lost)
    end
    redis.call("ZREMRANGEBYSCORE", slots, "-inf", now)

    local function refuse(wait, why)
        if caller ~= "" then
            redis.call("HSET", waiting, caller .. ":since", now - waited, caller .. ":last", now)
            if waited >= patience then
                redis.call("HSET", waiting, "overdue", now + minute)
            end
            redis.call("PEXPIRE", waiting, 3 * patience)
        end
        return string.format('{"ok":false,"wait":%d,"why":"%s"}', math.max(1, math.ceil(wait)), why)
    end

    local stop = tonumber(redis.call("HGET", state, "stop") or "0")
    if stop > now then
        return refuse(stop - now, redis.call("HGET", state, "why"))
    end
    local up = redis.call("ZCARD", flying)
    local soon = minute / 240
    if up >= tonumber(in_flight) then
        return refuse(soon, "concurrent")
    end
    if up > 0 and redis.call("HEXISTS", state, "seen") == 0 then
        return refuse(soon, "first")
    end
    local date = string.format("%d", math.floor(time[1] / 86400))
    local made = redis.call("HGET", state, "day") == date and redis.call("HGET", state, "today") or "0"
    local left = tonumber(redis.call("HGET", state, "day_left") or tonumber(day) - tonumber(made))
    -- Only an answer says that there are more again: so one call may go and ask when none did for a quarter of an hour.
    local asked = tonumber(redis.call("HGET", state, "asked") or "0")
    if left <= tonumber(day_reserve) and asked + 15 * minute > now then
        return refuse(asked + 15 * minute - now, "day")
    end

    local free = tonumber(per_minute) - up - redis.call("ZCARD", slots)
    local keep = tonumber(spare)
    if caller ~= "" and waited >= patience then
        keep = 0
    elseif tonumber(redis.call("HGET", waiting, "overdue") or "0") > now then
        keep = math.max(keep, 1)
    end
    if free <= keep then
        local first = redis.call("ZRANGE", slots, 0, 0, "WITHSCORES")[2]
        return refuse(first and first - now or soon, free <= 0 and "minute" or "behind")
    end

    redis.call("ZADD", flying, now + lease, permit)
    if caller ~= "" then
        redis.call("HDEL", waiting, caller .. ":since", caller .. ":last", "overdue")
    end
    if redis.call("HGET", state, "day") ~= date then
        redis.call("HSET", state, "day", date, "today", 0)
    end
    redis.call("HSET", state, "asked", now)
    redis.call("HINCRBY", state, "today", 1)
    redis.call("HINCRBY", state, "total", 1)
    if redis.call("HEXISTS", state, "day_left") == 1 then
        redis.call("HINCRBY", state, "day_left", -1)
    end
    return '{"ok":true,"wait":0,"why":""}'
    """
    return stub()


@script(allow_oom=True)
async def answered(
    redis: Redis,
    *,
    flying: Key,
    slots: Key,
    state: Key,
    permit: str,
    per_minute: int,
    in_flight: int,
    min_remaining: str,
    day_remaining: str,
    app_remaining: str,
    problem: str,
    stop: int,
    minute: int,
) -> int:
    """
    local time = redis.call("TIME")
    local now = time[1] * 1000 + math.floor(time[2] / 1000)

    minute, stop = tonumber(minute), tonumber(stop)

    -- A permit that is not known (given up, or from before a wipe) was a call all the same.
    redis.call("ZREM", flying, permit)
    local free_at = now + minute + 1  -- `now` was rounded down: not a millisecond less than a minute
    redis.call("ZADD", slots, free_at, permit)
    redis.call("ZREMRANGEBYSCORE", slots, "-inf", now)

    if min_remaining ~= "" then
        redis.call("HSET", state, "seen", 1)
        local free = tonumber(per_minute) - redis.call("ZCARD", flying) - redis.call("ZCARD", slots)
        -- A 429 for the minute says when Xero's window ends; else it ends within a minute.
        local held_until = problem == "minute" and math.min(free_at, now + stop) or free_at
        for _ = 1, free - tonumber(min_remaining) do
            local number = redis.call("HINCRBY", state, "number", 1)
            redis.call("ZADD", slots, held_until, "held:" .. number)
        end
    end
    if day_remaining ~= "" then
        local left = tonumber(day_remaining)
        local before = tonumber(redis.call("HGET", state, "day_left") or left)
        if left > before + 4 * tonumber(in_flight) then  -- more than answers that overtake each other explain
            redis.call("HSET", state, "day_began", string.format("%.0f", now))
        end
        redis.call("HSET", state, "day_left", day_remaining)
        redis.call("HSET", state, "day_most", math.max(left, redis.call("HGET", state, "day_most") or 0))
    end
    local function refrain(wait, why)
        if now + wait > tonumber(redis.call("HGET", state, "stop") or "0") then
            redis.call("HSET", state, "stop", string.format("%.0f", now + wait), "why", why)
        end
    end
    if app_remaining ~= "" and tonumber(app_remaining) < tonumber(in_flight) then
        refrain(minute, "appminute")  -- the app's other companies used it up; its window ends within a minute
    end
    if problem ~= "" then
        refrain(stop, problem)
    end
    return 1
    """
    return stub()


@script(allow_oom=True)
async def unused(redis: Redis, *, flying: Key, state: Key, permit: str) -> int:
    """
    if redis.call("ZREM", flying, permit) == 0 then
        return 0
    end
    redis.call("HINCRBY", state, "today", -1)
    redis.call("HINCRBY", state, "total", -1)
    if redis.call("HEXISTS", state, "day_left") == 1 then
        redis.call("HINCRBY", state, "day_left", 1)
    end
    return 1
    """
    return stub()


@script(allow_oom=True)
async def look(redis: Redis, *, flying: Key, slots: Key, state: Key, minute: int) -> str:
    """
    local time = redis.call("TIME")
    local now = time[1] * 1000 + math.floor(time[2] / 1000)
    local stop, why = tonumber(redis.call("HGET", state, "stop") or "0"), redis.call("HGET", state, "why") or ""
    local left = redis.call("HGET", state, "day_left") or ""
    local asked = tonumber(redis.call("HGET", state, "asked") or "0") + 15 * minute
    if stop <= now and left ~= "" and tonumber(left) <= 0 then
        stop, why = asked, "day"
    end
    local stopped = stop > now
    local today = redis.call("HGET", state, "day") == string.format("%d", math.floor(time[1] / 86400))
    local began, length = tonumber(redis.call("HGET", state, "day_began") or "0"), 1440 * minute
    local lost = redis.call("ZCOUNT", flying, now - minute, now)
    return cjson.encode({
        flying = redis.call("ZCOUNT", flying, "(" .. now, "+inf"),
        slots = redis.call("ZCOUNT", slots, "(" .. now, "+inf") + lost,
        day_left = left,
        day_most = tonumber(redis.call("HGET", state, "day_most") or "0"),
        day_ends = began > 0 and length - (now - began) % length or length,
        stop = stopped and stop or 0,
        why = stopped and why or "",
        today = today and tonumber(redis.call("HGET", state, "today")) or 0,
        total = tonumber(redis.call("HGET", state, "total") or "0"),
    })
    """
    return stub()
