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
  local epoch, seq, written_under, lives, oldest, renewed =
    unpack(redis.call('HMGET', log.meta, 'epoch', 'seq', 'replid', 'lives', 'oldest', 'renewed'))
  log.seq = tonumber(seq or 0)
  log.lives = lives or ''
  log.oldest = tonumber(oldest or 0)
  log.renewed = tonumber(renewed or 0)
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
  if log.is_new then
    redis.call('HSET', log.meta,
      'epoch', log.epoch, 'seq', text_of(log.seq), 'replid', replid(), 'lives', log.lives)
    log.is_new = false
  else
    redis.call('HSET', log.meta, 'seq', text_of(log.seq))
  end
  if log.seq == 0 then
    redis.call('PEXPIRE', log.meta, max_age)
  end
end

-- Lets the log live for `max_age` from now on; for a little longer, so that this
-- need not be done each time.
local function renew(log)
  local longer = math.ceil(max_age / 64)
  if now_ms - log.renewed < longer then
    return
  end
  redis.call('HSET', log.meta, 'renewed', now)
  redis.call('PEXPIRE', log.meta, max_age + longer)
  redis.call('PEXPIRE', log.entries, max_age + longer)
end

-- `look`, and the new life, if one begins, stays.
local function look_and_keep(room)
  local log = look(room)
  if log.is_new then
    keep(log)
  end
  return log
end

local function ms_of(entry)
  return tonumber(string.match(entry[1], '%-(%d+)$'))
end

-- `oldest` is when the first entry was written, or before: as long as that is not
-- too old there is nothing to look for.
local function drop_too_old(log)
  local too_old = now_ms - max_age
  if log.oldest >= too_old then
    return
  end
  local batch = 1
  while true do
    local entries = redis.call('XRANGE', log.entries, '-', '+', 'COUNT', batch)
    local old = {}
    for _, entry in ipairs(entries) do
      local ms = ms_of(entry)
      -- The clock may have been set back: what stays has no hole.
      if ms >= too_old then
        log.oldest = ms
        break
      end
      old[#old + 1] = entry[1]
    end
    if #old > 0 then
      redis.call('XDEL', log.entries, unpack(old))
    end
    if #old == 0 or #old < #entries then
      redis.call('HSET', log.meta, 'oldest', text_of(log.oldest))
      return
    end
    batch = 100
  end
end

-- Now and then is enough.
local function forget_old_changes(call)
  if now_ms % 16 == 0 then
    call('ZREMRANGEBYSCORE', prefix .. 'changed', '-inf', text_of(now_ms - CHANGES_KEPT))
  end
end

-- Appends an event, and publishes it.
local function append(log, before, after, tail)
  log.seq = log.seq + 1
  local seq = text_of(log.seq)
  local record = before .. log.epoch .. ' ' .. seq .. ' ' .. now .. after
    .. '{"seq":' .. seq .. ',"epoch":"' .. log.epoch .. '","ts":' .. now .. ',' .. tail
  redis.call('XADD', log.entries, 'MAXLEN', max_events, seq .. '-' .. now, 'r', record)
  keep(log)
  drop_too_old(log)
  renew(log)
  redis.call('ZADD', prefix .. 'changed', now, log.room)
  forget_old_changes(redis.call)
  publish(log.room, record)
end

local function records_of(entries)
  local records = {}
  for i, entry in ipairs(entries) do
    records[i] = entry[2][2]
  end
  return records
end
