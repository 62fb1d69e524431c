-- Deletes a message: its text leaves the log, the session's context, and whatever is
-- kept of its reply. Answers {'deleted', epoch, seq} with the place of the event that
-- tells so, {'repeat'}, {'not theirs'} or {'unknown'}.

local room = arg()
local id = arg()
local author = arg() -- whose message it must be; empty where it may be anybody's
local event, tombstone = event_arg(), event_arg()

-- Where the message was said, and by whom; false for a reply, which nobody said.
local function find()
  local asked = redis.call('GET', prefix .. 'asked:' .. id)
  local seq, at, user = string.match(asked or '', '^%- (%d+) (%S+) (%S+)$')
  if seq then
    return { seq = seq, room = at, user = user }
  end
  local reply = load(asked or id)
  if not reply then
    return nil
  end
  return {
    seq = redis.call('HGET', reply.key, asked and 'said' or 'seq'),
    room = reply.room,
    user = asked and reply.user,
    reply = reply,
  }
end

-- The turn of which it was a part. Quotes within texts are escaped, so a text that
-- names the message is none.
local function forget_turn(reply)
  local turns = prefix .. 'turns:' .. room .. ':' .. reply.session
  for _, turn in ipairs(redis.call('LRANGE', turns, 0, -1)) do
    if string.find(turn, '"' .. id .. '"', 1, true) then
      redis.call('LREM', turns, 1, turn)
    end
  end
end

-- What is kept of a question for brokers, and for the operator.
local function forget_task(reply)
  local letter = redis.call('HGET', reply.key, 'letter')
  if letter then
    redis.call('XDEL', prefix .. 'dead', letter)
  end
  if reply.state ~= 'done' then
    redis.call('HSET', reply.key, 'task', '', 'deleted', 1)
  end
end

local found = find()
if not found or not found.seq or found.room ~= room then
  return { 'unknown' }
elseif author ~= '' and found.user ~= author then
  return { 'not theirs' }
end
local log = look(room)
local entry = redis.call('XRANGE', log.entries, found.seq, found.seq)[1]
if not entry then
  local tomb = redis.call('ZRANGE', log.tombs, found.seq, found.seq, 'BYSCORE')[1]
  return { log.has_tombs and tomb and 'repeat' or 'unknown' }
end

local epoch, seq, ts = string.match(entry[2][2], '^%S+ %S+ %S+ (%S+) (%S+) (%S+) ')
bury(log, entry, placed(tombstone, epoch, seq, ts))
append(log, event)
local answer = { 'deleted', log.epoch, text_of(log.seq) }
local reply = found.reply
if reply then
  forget_turn(reply)
  if found.user then
    forget_task(reply)
    if reply.state ~= 'done' then
      cancel(reply, log)
    end
  end
end
return answer
