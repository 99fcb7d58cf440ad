"""Figures that stand ready: what waits by reason, the documents of a period by status and currency, who is invoiced.

The ledger's scripts keep them as they write (`waits_put`, `sums_put`), so nobody has to look at every unit or invoice
to know them. What one of them contributes stands beside the sums (`of`) and is taken out before it is put in anew.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal

from msgspec import Struct
from redis.asyncio import Redis

from worker.billing.model import Entry, Waiting
from worker.store.keys import Keys

# In a sum, time is in milliseconds and an amount in hundredths: whole numbers, which Redis adds without rounding.
FIGURES_PRELUDE = """
local function figures_add(sums, name, row, sign)  -- row: numbers with spaces between, the first is a count
  local place = 0
  for number in string.gmatch(row, "%-?%d+") do
    place = place + 1
    local now = redis.call("HINCRBY", sums, name .. " " .. place, string.format("%.0f", sign * number + 0))  -- not "-0"
    if place == 1 and now <= 0 then
      redis.call("HDEL", sums, name .. " 1", name .. " 2", name .. " 3")
      return
    end
  end
end
local function waits_add(base, id, text, sign)  -- text: reason|person|contact|day|1 time
  local reason, person, contact, day, row = string.match(text, "^(.-)|(.-)|(.-)|(.-)|(.+)$")
  if not reason then return end
  figures_add(base .. "waiting:sums", reason, row, sign)
  if person ~= "" then figures_add(base .. "waiting:people", person, row, sign) end
  if contact ~= "" and day ~= "" then figures_add(base .. "waiting:at:" .. contact, day .. " " .. reason, row, sign) end
  if sign < 0 then
    redis.call("ZREM", base .. "waiting:for:" .. reason, id)
  else
    redis.call("ZADD", base .. "waiting:for:" .. reason, "NX", now_ms(), id)
  end
end
local function waits_put(base, id, now)  -- "" where the unit does not wait
  local of = base .. "waiting:of"
  local had = redis.call("HGET", of, id) or ""
  if had == now then return end
  waits_add(base, id, had, -1)
  waits_add(base, id, now, 1)
  if now == "" then redis.call("HDEL", of, id) else redis.call("HSET", of, id, now) end
end
local function whole(number, factor)
  return string.format("%.0f", math.floor((tonumber(number) or 0) * factor + 0.5))
end
local function sums_of(record)  -- one line a document: period|status currency|1 time amount
  local lines = {}
  for _, document in ipairs(record.documents or {}) do
    local time, amount, sign = 0, 0, document.type == "ACCRECCREDIT" and -1 or 1
    for _, line in ipairs(document.lines or {}) do
      amount = amount + whole(line.amount, 100)
      for _, share in ipairs(line.shares or {}) do time = time + whole(share.seconds, 1000) end
    end
    local name = (document.status or "open") .. " " .. (document.currency or "")
    local row = "1 " .. whole(sign * time, 1) .. " " .. whole(sign * amount, 1)
    lines[#lines + 1] = (document.period or record.period or "") .. "|" .. name .. "|" .. row
  end
  return table.concat(lines, "\\n")
end
local function contact_put(base, contact, by)  -- how many invoices a contact has
  local contacts = base .. "invoices:contacts"
  if contact ~= "" and redis.call("HINCRBY", contacts, contact, by) <= 0 then redis.call("HDEL", contacts, contact) end
end
local function sums_put(base, key, record)
  local of, now = base .. "invoices:of", (record.contact or "") .. "\\n" .. sums_of(record)
  local had = redis.call("HGET", of, key) or ""
  if had == now then return end
  for sign, text in pairs({[-1] = had, [1] = now}) do
    for period, name, row in string.gmatch(text, "([^|\\n]*)|([^|\\n]*)|([^|\\n]*)") do
      figures_add(base .. "invoices:sums:" .. period, name, row, sign)
    end
  end
  contact_put(base, string.match(had, "^[^\\n]*"), -1)
  contact_put(base, string.match(now, "^[^\\n]*"), 1)
  redis.call("HSET", of, key, now)
end
local function named_put(base, id, had, names)  -- the unit is found by its record, person and project
  if had == names then return end
  for record in string.gmatch(had, "%S+") do redis.call("SREM", base .. "of:" .. record, id) end
  for record in string.gmatch(names, "%S+") do redis.call("SADD", base .. "of:" .. record, id) end
  redis.call("HSET", base .. "unit:" .. id, "named", names)
end
"""


class Waits(Struct, frozen=True, kw_only=True):
    """What waits for one reason."""

    reason: str
    count: int
    seconds: Decimal


class WaitsOn(Struct, frozen=True, kw_only=True):
    """What waits of a day for one reason."""

    day: date
    reason: str
    seconds: Decimal


class Sum(Struct, frozen=True, kw_only=True):
    """The documents of a period in one status and currency. Credit notes take off."""

    status: str
    currency: str
    count: int
    seconds: Decimal
    amount: Decimal


class Figures:
    """Reads them."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._redis, self._keys = redis, keys

    async def waiting(self) -> tuple[Waits, ...]:
        """What waits by reason, the most first."""
        rows = await self._rows("waiting", "sums")
        found = [Waits(reason=name, count=n, seconds=_seconds(time)) for name, (n, time, _) in rows.items()]
        return tuple(sorted(found, key=lambda each: (-each.count, each.reason)))

    async def period(self, period: str) -> tuple[Sum, ...]:
        """The documents of a period, by status and currency."""
        rows = await self._rows("invoices", "sums", period)
        found = []
        for name, (count, time, amount) in sorted(rows.items()):
            status, _, currency = name.partition(" ")
            found.append(
                Sum(
                    status=status,
                    currency=currency,
                    count=count,
                    seconds=_seconds(time),
                    amount=Decimal(amount).scaleb(-2),
                )
            )
        return tuple(found)

    async def waiting_people(self) -> dict[str, Decimal]:
        """Seconds that wait, by the record of the person who worked."""
        rows = await self._rows("waiting", "people")
        return {person: _seconds(time) for person, (_, time, _) in rows.items()}

    async def waiting_at(self, contacts: Iterable[str]) -> dict[str, tuple[WaitsOn, ...]]:
        """What waits of each of these Xero contacts, by the day it was worked on and the reason."""
        names = list(dict.fromkeys(contacts))
        pipe = self._redis.pipeline(transaction=False)
        for contact in names:
            pipe.hgetall(self._keys("waiting", "at", contact))
        answers: list[dict[str, str]] = await pipe.execute() if names else []
        return {contact: _by_day(rows) for contact, rows in zip(names, answers, strict=True) if rows}

    async def contacts(self) -> set[str]:
        """The Xero contacts that have an invoice of ours, of whatever status."""
        return set(await self._redis.hkeys(self._keys("invoices", "contacts")))  # type: ignore[misc]  # as below

    async def _rows(self, *key: str) -> dict[str, tuple[int, int, int]]:
        """Count, time and amount by name, of what there is."""
        return _sums(await self._redis.hgetall(self._keys(*key)))  # type: ignore[misc]  # sync and async typed as one


def waits_row(verdict: object, entry: Entry) -> str:
    """What a unit adds to the figures of what waits, as the scripts take it; "" where it does not wait."""
    if not isinstance(verdict, Waiting):
        return ""
    day = entry.worked_on.isoformat() if entry.worked_on else ""
    time = round((entry.seconds or Decimal(0)) * 1000)
    return f"{verdict.reason}|{entry.person}|{entry.xero_contact}|{day}|1 {time}"


def _sums(rows: Mapping[str, str]) -> dict[str, tuple[int, int, int]]:
    names = {field.rpartition(" ")[0] for field in rows}
    return {
        name: (int(rows.get(f"{name} 1", 0)), int(rows.get(f"{name} 2", 0)), int(rows.get(f"{name} 3", 0)))
        for name in names
    }


def _by_day(rows: Mapping[str, str]) -> tuple[WaitsOn, ...]:
    """Of names that are a day and a reason. Pages read this of many contacts at once: each field is looked at once."""
    found = []
    for field, value in rows.items():
        name, _, place = field.rpartition(" ")
        if place == "2":
            day, _, reason = name.partition(" ")
            found.append(WaitsOn(day=date.fromisoformat(day), reason=reason, seconds=_seconds(int(value))))
    return tuple(found)


def _seconds(milliseconds: int) -> Decimal:
    return Decimal(milliseconds).scaleb(-3)
