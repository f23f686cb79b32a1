"""What Redis does in one step: Lua, in its own time. All times are milliseconds, those of turns microseconds.

Every breaker script takes the same five keys and begins its arguments with the same five (see `SystemShare`), and
answers with what is then true, so that each answer brings the asking process up to date.
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple


class Script:
    """A Lua script, and the name by which Redis remembers it.

    Args:
        body: What it does after the part that all breaker scripts have in common.
        common: That part.
    """

    def __init__(self, body: str, common: str = "") -> None:
        self.text = common + body
        self.sha = hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()


class Call(NamedTuple):
    """A script with what it is given."""

    script: Script
    keys: tuple[str, ...]
    args: tuple[str | int | float, ...]


# What was written down before Redis' clock was set back lies in the future, by as much.
_CORRECTED = """
local function corrected(key, time)
  local at, said = string.match(redis.call('GET', key) or '0:0', '^(.*):(.*)$')
  at, said = tonumber(at), tonumber(said)
  if said > time then
    at = at - (said - time)
    redis.call('SET', key, string.format('%.2f:%.0f', at, time), 'KEEPTTL')
  end
  return at
end
"""

# A generation is the time of the change, so that it grows even where Redis has forgotten the one before.
_BREAKER = (
    _CORRECTED
    + """
local time = redis.call('TIME')
local micros = time[1] * 1000000 + time[2]
local now = math.floor(micros / 1000)
local breaker, probes, failed, active, quiet = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local process, system, channel = ARGV[1], ARGV[2], ARGV[3]
local window, reset = tonumber(ARGV[4]), tonumber(ARGV[5])
local life = 86400000

local function number(name)
  return tonumber(redis.call('HGET', breaker, name) or '0')
end

local state = redis.call('HGET', breaker, 'state') or 'closed'
local generation = number('generation')
local due = number('due')

local function put(...)
  redis.call('HSET', breaker, ...)
  redis.call('PEXPIRE', breaker, life)
end

local function spread()
  redis.call('PUBLISH', channel, system)
end

local function move(to, at)
  state, due, generation = to, at, math.max(micros, generation + 1)
  redis.call('DEL', probes, failed)
  put('state', state, 'generation', string.format('%.0f', generation), 'due', string.format('%.0f', due),
      'failures', '0', 'successes', '0')
  if state == 'closed' then put('wanted', '0', 'blamed', '') end
  spread()
end

local function note(key)
  if redis.call('ZADD', key, now, process) == 1 and key == active then spread() end
  redis.call('PEXPIRE', key, life)
end

local function count(key)
  redis.call('ZREMRANGEBYSCORE', key, '-inf', now - window)
  return redis.call('ZCARD', key)
end

if state == 'open' and due > now + reset then
  due = now + reset
  put('due', string.format('%.0f', due))
end

local function answer(granted, wait)
  local left = corrected(quiet, now) - now
  return {granted, wait, state, generation, math.max(0, due - now), number('failures'), count(active),
          math.max(0, left)}
end
"""
)

# Arguments: whether it called lately, whether its own breaker holds back, milliseconds of an open state to restore.
PULL = Script(
    """
if ARGV[6] == '1' then note(active) end
if ARGV[7] == '1' and state == 'closed' then note(failed) end
if tonumber(ARGV[8]) >= 0 and generation == 0 then move('open', now + tonumber(ARGV[8])) end
return answer(0, 0)
""",
    _BREAKER,
)

# Arguments: generation, failures that open it.
FAILED = Script(
    """
note(active)
if state == 'closed' and generation == tonumber(ARGV[6]) then
  local before = number('failures')
  put('failures', before + 1)
  note(failed)
  if before + 1 >= tonumber(ARGV[7]) and count(failed) * 2 > count(active) then
    move('open', now + reset)
  elseif before == 0 then
    spread()
  end
end
return answer(0, 0)
""",
    _BREAKER,
)

# Arguments: generation.
WENT_WELL = Script(
    """
if state == 'closed' and generation == tonumber(ARGV[6]) then
  put('failures', '0')
  redis.call('DEL', failed)
end
return answer(0, 0)
""",
    _BREAKER,
)

# Arguments: token, lease, probes, how long a place is kept for recovery, whether it is recovery that asks, how long
# the process whose probe failed last lets others go first.
ADMIT = Script(
    """
note(active)
if state == 'closed' then return answer(0, 0) end
local recovery = ARGV[10] == '1'
local function refused(wait)
  if recovery then put('wanted', '1') end
  return answer(0, math.max(1, wait))
end
if now < due then return refused(due - now) end
redis.call('ZREMRANGEBYSCORE', probes, '-inf', now)
local earliest = redis.call('ZRANGE', probes, 0, 0, 'WITHSCORES')[2] or now
local kept = 0
if not recovery and number('wanted') == 1 and now < due + tonumber(ARGV[9]) then
  kept, earliest = 1, math.min(tonumber(earliest), due + tonumber(ARGV[9]))
end
if redis.call('ZCARD', probes) + kept >= tonumber(ARGV[8]) then return refused(earliest - now) end
local aside = due + tonumber(ARGV[11])
if redis.call('HGET', breaker, 'blamed') == process and now < aside and count(active) > 1 then
  return refused(aside - now)
end
if state == 'open' then move('half_open', due) end
redis.call('ZADD', probes, now + tonumber(ARGV[7]), ARGV[6])
redis.call('PEXPIRE', probes, life)
if recovery then put('wanted', '0') end
return answer(1, 0)
""",
    _BREAKER,
)

# Arguments: token, what became of it, successes that close it. A token is there in the half-open state that gave it,
# and in no other.
SETTLE = Script(
    """
local expires = tonumber(redis.call('ZSCORE', probes, ARGV[6]) or '0')
redis.call('ZREM', probes, ARGV[6])
if expires > now then
  if ARGV[7] == 'failed' then
    put('blamed', process)
    move('open', now + reset)
  elseif ARGV[7] == 'went well' then
    local successes = number('successes') + 1
    put('successes', successes)
    if successes >= tonumber(ARGV[8]) then move('closed', 0) end
  end
end
return answer(0, 0)
""",
    _BREAKER,
)

# No arguments.
WANTED = Script(
    """
if state ~= 'closed' then put('wanted', '1') end
return answer(0, 0)
""",
    _BREAKER,
)

# Arguments: the state that a person wants.
MOVE = Script(
    """
move(ARGV[6], ARGV[6] == 'open' and now + reset or 0)
return answer(0, 0)
""",
    _BREAKER,
)

# Arguments: milliseconds.
QUIET = Script(
    """
local till = now + tonumber(ARGV[6])
if till > corrected(quiet, now) then
  redis.call('SET', quiet, string.format('%.0f:%.0f', till, now), 'PX', ARGV[6])
  spread()
end
return answer(0, 0)
""",
    _BREAKER,
)

_TURNS = (
    _CORRECTED
    + """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local interval, slack = tonumber(ARGV[1]), tonumber(ARGV[2])
local even = corrected(KEYS[1], now)

local function put(at)
  redis.call('SET', KEYS[1], string.format('%.2f:%.0f', at, now), 'PX', math.ceil(math.max(0, at - now) / 1000) + 60000)
end
"""
)

# Arguments: interval, slack, turns wanted, longest wait. Answers with the number of turns, and the wait for the first;
# a wait below 0 says how much earlier it might have been.
TURNS = Script(
    """
local turn = math.max(even, now)
local wait = turn - slack - now
local room = math.floor((tonumber(ARGV[4]) - wait) / interval) + 1
local granted = math.max(0, math.min(tonumber(ARGV[3]), room))
if granted > 0 then put(turn + granted * interval) end
return {granted, math.ceil(wait)}
""",
    _TURNS,
)

# Arguments: interval, recovery's slack, when the caller was told that a turn would be due, how late it may be for it.
# Answers with whether it has a turn, and else with when to ask again: how long until then, and the time itself.
SPARE = Script(
    """
local told = tonumber(ARGV[3])
if told < now - tonumber(ARGV[4]) then told = now end
for _, due in ipairs({told, now}) do
  if even - slack <= due and due <= now then
    put(math.max(even, due) + interval)
    return {1, 0, '0'}
  end
end
local due = math.ceil(even - slack)
return {0, due - now, string.format('%.0f', due)}
""",
    _TURNS,
)
