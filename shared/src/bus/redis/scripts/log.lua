-- What scripts do with a room's log. The first arguments of a script that uses
-- it are: an epoch's name, should a new life begin; how many events a log
-- keeps; for how many milliseconds; how many bytes of them.

local fresh_epoch = arg()
local max_events = number_arg()
local max_age = number_arg()
local max_bytes = number_arg()

-- How long `changed` remembers, in milliseconds.
local CHANGES_KEPT = 300000

-- Where the log of `room` stands. Where Redis may have lost a tail of it, which
-- shows in another replication id, its life has ended and a new one begins.
local function look(room)
  local log = {
    room = room,
    meta = prefix .. 'meta:' .. room,
    entries = prefix .. 'log:' .. room,
    dropped = 0, -- the `seq` of the last one that was too old, or too much
    tombs = prefix .. 'tombs:' .. room,
  }
  local epoch, seq, written_under, lives, oldest, renewed, has_tombs, bytes, marked =
    unpack(redis.call('HMGET', log.meta, 'epoch', 'seq', 'replid', 'lives', 'oldest', 'renewed',
      'has_tombs', 'bytes', 'marked'))
  log.seq = tonumber(seq or 0)
  log.lives = lives or ''
  log.oldest = tonumber(oldest or 0)
  log.renewed = tonumber(renewed or 0)
  log.has_tombs = has_tombs
  log.bytes = tonumber(bytes or 0)
  log.marked = tonumber(marked or 0)
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
      'epoch', log.epoch, 'seq', text_of(log.seq), 'replid', replid(), 'lives', log.lives,
      'bytes', text_of(log.bytes))
    log.is_new = false
  else
    redis.call('HSET', log.meta, 'seq', text_of(log.seq), 'bytes', text_of(log.bytes))
  end
  if log.seq == 0 then
    redis.call('PEXPIRE', log.meta, max_age)
  end
end

-- How much longer than `max_age` a log lives, so that it need not be said each time.
local longer = math.ceil(max_age / 64)

-- Lets the log live for `max_age` from now on, and a little longer.
local function renew(log)
  if now_ms - log.renewed < longer then
    return
  end
  redis.call('HSET', log.meta, 'renewed', now)
  redis.call('PEXPIRE', log.meta, max_age + longer)
  redis.call('PEXPIRE', log.entries, max_age + longer)
  if log.has_tombs then
    redis.call('PEXPIRE', log.tombs, max_age + longer)
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

local function seq_of(entry)
  return tonumber(string.match(entry[1], '^%d+'))
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
      log.dropped = seq_of({ old[#old] })
    end
    if #old == 0 or #old < #entries then
      redis.call('HSET', log.meta, 'oldest', text_of(log.oldest))
      return
    end
    batch = 100
  end
end

-- Counts the bytes of the event that is written next, and lets go of the oldest where all
-- of them would be more than `max_bytes`, but never of that one. To know which these are the
-- log is marked after each eighth of that: `seq:bytes` says how many bytes were ever written up
-- to there. So most events cost no command more.
local function make_room(log, bytes)
  local eighth = max_bytes / 8
  if log.bytes + bytes - log.marked > eighth then
    local marks = (redis.call('HGET', log.meta, 'marks') or '0:0')
      .. ' ' .. text_of(log.seq - 1) .. ':' .. text_of(log.bytes)
    local kept = {}
    for mark in string.gmatch(marks, '%S+') do
      kept[#kept + 1] = mark
    end
    -- Until the next mark no more comes than this leaves room for.
    local too_far_back = log.bytes + math.max(bytes, eighth) - max_bytes
    local first = 1
    while first < #kept and tonumber(string.match(kept[first], '%d+$')) < too_far_back do
      first = first + 1
    end
    if first > 1 then
      log.dropped = tonumber(string.match(kept[first], '^%d+'))
      redis.call('XTRIM', log.entries, 'MINID', text_of(log.dropped + 1) .. '-0')
    end
    log.marked = log.bytes
    redis.call('HSET', log.meta,
      'marks', table.concat(kept, ' ', first), 'marked', text_of(log.marked))
  end
  log.bytes = log.bytes + bytes
end

-- Now and then is enough.
local function forget_old_changes(call)
  if now_ms % 16 == 0 then
    call('ZREMRANGEBYSCORE', prefix .. 'changed', '-inf', text_of(now_ms - CHANGES_KEPT))
  end
end

-- Drops the tombs of what the log would no longer hold: what is older than `start`, or
-- than what was dropped.
local function drop_old_tombs(log, start)
  local first = math.max(start, log.dropped + 1)
  local dropped = redis.call('ZREMRANGEBYSCORE', log.tombs, '-inf', '(' .. text_of(first))
  if dropped > 0 and redis.call('EXISTS', log.tombs) == 0 then
    redis.call('HDEL', log.meta, 'has_tombs')
    log.has_tombs = false
  end
end

-- An event's record at its place in the log.
local function placed(event, epoch, seq, ts)
  return event.before .. epoch .. ' ' .. seq .. ' ' .. ts .. event.after
    .. '{"seq":' .. seq .. ',"epoch":"' .. epoch .. '","ts":' .. ts .. ',' .. event.tail
end

-- The next three arguments.
local function event_arg()
  local before, after, tail = arg(), arg(), arg()
  return { before = before, after = after, tail = tail }
end

-- Appends an event, and publishes it.
local function append(log, event)
  log.seq = log.seq + 1
  local seq = text_of(log.seq)
  local record = placed(event, log.epoch, seq, now)
  make_room(log, #record)
  -- Tombs count as well: then the length of the log does not tell which are too many.
  local start = math.max(0, log.seq - max_events + 1)
  local how, bound = 'MAXLEN', max_events
  if log.has_tombs then
    how, bound = 'MINID', text_of(start) .. '-0'
  end
  redis.call('XADD', log.entries, how, bound, seq .. '-' .. now, 'r', record)
  keep(log)
  drop_too_old(log)
  if log.has_tombs then
    drop_old_tombs(log, start)
  end
  renew(log)
  redis.call('ZADD', prefix .. 'changed', now, log.room)
  forget_old_changes(redis.call)
  publish(log.room, record)
end

-- Puts `tomb` in the place of an entry.
local function bury(log, entry, tomb)
  if not log.has_tombs then
    redis.call('DEL', log.tombs) -- of a log that is gone
    redis.call('HSET', log.meta, 'has_tombs', 1)
    log.has_tombs = true
  end
  redis.call('ZADD', log.tombs, text_of(seq_of(entry)), tomb)
  redis.call('PEXPIRE', log.tombs, max_age + longer)
  redis.call('XDEL', log.entries, entry[1])
end

-- How many entries are read at once, while they are few bytes.
local STEP = 64

-- The entries from `first` to `last`, or backwards from there: `limit` at the most, and
-- no more once they are over `most_bytes`.
local function entries_of(log, is_backward, first, last, limit, most_bytes)
  local entries, bytes = {}, 0
  while #entries < limit and bytes <= most_bytes do
    local newest, oldest = '(' .. text_of(last + 1) .. '-0', text_of(first) .. '-0'
    local count = math.min(limit - #entries, STEP)
    local step
    if is_backward then
      step = redis.call('XREVRANGE', log.entries, newest, oldest, 'COUNT', count)
    else
      step = redis.call('XRANGE', log.entries, oldest, newest, 'COUNT', count)
    end
    for _, entry in ipairs(step) do
      entries[#entries + 1] = entry
      bytes = bytes + #entry[2][2]
    end
    if #step < count then
      break
    end
    local reached = seq_of(step[#step])
    if is_backward then
      last = reached - 1
    else
      first = reached + 1
    end
  end
  return entries
end

-- The events from `first` to `last`, or backwards from there: `limit` and `most_bytes` at
-- the most, but one however large; tombs in the places of deleted ones. Answers their
-- records and their `seq`s, their bytes, and whether others were too large to go along.
local function read_part(log, is_backward, first, last, limit, most_bytes)
  local entries = entries_of(log, is_backward, first, last, limit, most_bytes)
  local tombs = {}
  if log.has_tombs then
    local from, to = text_of(first), text_of(last)
    tombs = is_backward
      and redis.call('ZRANGE', log.tombs, to, from, 'BYSCORE', 'REV', 'LIMIT', 0, limit, 'WITHSCORES')
      or redis.call('ZRANGE', log.tombs, from, to, 'BYSCORE', 'LIMIT', 0, limit, 'WITHSCORES')
  end
  local records, seqs, bytes = {}, {}, 0
  local next_entry, next_tomb = 1, 1
  while #records < limit do
    local entry, tomb = entries[next_entry], tombs[next_tomb + 1]
    if not entry and not tomb then
      break
    end
    local entry_at, tomb_at = entry and seq_of(entry), tonumber(tomb)
    local is_entry = entry and (not tomb or (entry_at < tomb_at) ~= is_backward)
    local record = is_entry and entry[2][2] or tombs[next_tomb]
    if #records > 0 and bytes + #record > most_bytes then
      return records, seqs, bytes, true
    end
    records[#records + 1], seqs[#seqs + 1] = record, is_entry and entry_at or tomb_at
    bytes = bytes + #record
    if is_entry then
      next_entry = next_entry + 1
    else
      next_tomb = next_tomb + 2
    end
  end
  return records, seqs, bytes, false
end
