-- The head of every script.
--
-- KEYS[1] is the partition's prefix, `causerie:{p17}:`; every name below begins
-- with it, and so lies in its hash slot. No key has that name: while Redis
-- moves the slot to another node it refuses a script of two keys of which one
-- is missing (TRYAGAIN), so none ever sees half of a partition. KEYS[2] is the
-- second key that this takes. What is done for several (`each.lua`) may be of
-- several partitions where there is no cluster.
--
-- A script checks first and writes last: Redis does not undo what a script
-- that fails has written.

local prefix = KEYS[1]

local time = redis.call('TIME')
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)

-- A whole number as text, never as 1e+15.
local function text_of(number)
  return string.format('%.0f', number)
end

local now = text_of(now_ms)

-- By what Redis names its data: another name says that it may have lost a tail.
local known_replid
local function replid()
  known_replid = known_replid
    or string.match(redis.call('INFO', 'replication'), 'master_replid:(%x+)')
  return known_replid
end

-- The next argument.
local taken = 0
local function arg()
  taken = taken + 1
  return ARGV[taken]
end

local function number_arg()
  return tonumber(arg())
end

-- As many arguments as the next one says.
local function list_arg()
  local list = {}
  for i = 1, number_arg() do
    list[i] = arg()
  end
  return list
end

local function publish(room, record)
  redis.call('SPUBLISH', prefix .. 'room:' .. room, record)
end

local function wake(hint)
  redis.call('SPUBLISH', prefix .. 'wake', hint)
end
