-- What scripts do with a room's log. The first arguments of a script that uses
-- it are: an epoch's name, should a new life begin; how many events a log
-- keeps; for how many milliseconds.

local fresh_epoch = arg()
local max_events = number_arg()
local max_age = number_arg()

-- How long `changed` remembers, in milliseconds.
local CHANGES_KEPT = 300000

-- Where the log of `room` stands. Where Redis may have lost a tail of it, which
-- shows in another replication id, its life has ended and a new one begins.
local function look(room)
  local log = {
    room = room,
    meta = prefix .. 'meta:' .. room,
    entries = prefix .. 'log:' .. room,
  }
  local epoch, seq, written_under, lives =
    unpack(redis.call('HMGET', log.meta, 'epoch', 'seq', 'replid', 'lives'))
  log.seq = tonumber(seq or 0)
  log.lives = lives or ''
  if epoch and written_under == replid() then
    log.epoch = epoch
    return log
  end
  if epoch then
    local kept = {}
    for life in string.gmatch(epoch .. ':' .. seq .. ' ' .. log.lives, '%S+') do
      if #kept < 4 then
        kept[#kept + 1] = life
      end
    end
    log.lives = table.concat(kept, ' ')
  end
  log.epoch = fresh_epoch
  log.is_new = true
  return log
end

-- Writes down where the log stands.
local function keep(log)
  redis.call('HSET', log.meta,
    'epoch', log.epoch, 'seq', text_of(log.seq), 'replid', replid(), 'lives', log.lives)
  if log.seq == 0 then
    redis.call('PEXPIRE', log.meta, max_age)
  end
end

-- `look`, and the new life, if one begins, stays.
local function look_and_keep(room)
  local log = look(room)
  if log.is_new then
    keep(log)
  end
  return log
end

local function is_too_old(entry)
  return tonumber(string.match(entry[1], '%-(%d+)$')) < now_ms - max_age
end

local function drop_too_old(log)
  local batch = 1
  while true do
    local oldest = redis.call('XRANGE', log.entries, '-', '+', 'COUNT', batch)
    local old = {}
    for _, entry in ipairs(oldest) do
      -- The clock may have been set back: what stays has no hole.
      if not is_too_old(entry) then
        break
      end
      old[#old + 1] = entry[1]
    end
    if #old == 0 then
      return
    end
    redis.call('XDEL', log.entries, unpack(old))
    batch = 100
  end
end

-- Appends an event, and publishes it.
local function append(log, before, after, tail)
  log.seq = log.seq + 1
  local seq = text_of(log.seq)
  local record = before .. log.epoch .. ' ' .. seq .. ' ' .. now .. after
    .. '{"seq":' .. seq .. ',"epoch":"' .. log.epoch .. '","ts":' .. now .. ',' .. tail
  redis.call('XADD', log.entries, 'MAXLEN', max_events, seq .. '-' .. now, 'r', record)
  drop_too_old(log)
  keep(log)
  redis.call('PEXPIRE', log.meta, max_age)
  redis.call('PEXPIRE', log.entries, max_age)
  redis.call('ZADD', prefix .. 'changed', now, log.room)
  redis.call('ZREMRANGEBYSCORE', prefix .. 'changed', '-inf', text_of(now_ms - CHANGES_KEPT))
  publish(log.room, record)
end

local function records_of(entries)
  local records = {}
  for i, entry in ipairs(entries) do
    records[i] = entry[2][2]
  end
  return records
end
