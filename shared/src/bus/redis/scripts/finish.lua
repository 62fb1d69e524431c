-- Ends a reply. Answers 'done', 'cancelled' where it was cancelled and is to end
-- otherwise, or false where the lease does not hold.

-- How many dead letters a partition keeps.
local DEAD_LETTERS = 1000

local id = arg()
local lease = arg()
local says_cancelled = number_arg() == 1
local event = event_arg()
local records_before, records_after = list_arg(), list_arg()
local max_turns, max_turn_bytes = number_arg(), number_arg()
local turn = list_arg() -- one, or none
local dead_letter = list_arg() -- likewise

-- How many of the newest turns fit; the last one does however long it is.
local function turns_to_keep(turns)
  local newest = redis.call('LRANGE', turns, -max_turns, -1)
  local count, bytes = 0, 0
  for i = #newest, 1, -1 do
    bytes = bytes + #newest[i]
    if count > 0 and bytes > max_turn_bytes then
      break
    end
    count = count + 1
  end
  return count
end

local reply = load(id)
if not reply or lease_of(reply) ~= lease then
  return false
elseif reply.state == 'done' then
  return 'done'
elseif reply.cancelled == 1 and not says_cancelled then
  -- Somebody was promised that it ends as such.
  return 'cancelled'
end

local log = look(reply.room)
-- The first write, ahead of what is published: where Redis refuses writes
-- nothing is told again with every try. It frees memory, so that a reply can
-- end where there is none left.
redis.call('HDEL', prefix .. 'beats', id)
for _, record in ipairs(records_before) do
  publish(reply.room, record)
end
append(log, event)
for _, record in ipairs(records_after) do
  publish(reply.room, record)
end

local session = reply.room .. ':' .. reply.session
-- What is deleted is not to come back into the context.
if turn[1] and not redis.call('HGET', reply.key, 'deleted') then
  local turns = prefix .. 'turns:' .. session
  redis.call('RPUSH', turns, turn[1])
  redis.call('LTRIM', turns, -turns_to_keep(turns), -1)
  redis.call('PEXPIRE', turns, max_age)
end
redis.call('SET', prefix .. 'replied:' .. session, 1, 'PX', max_age)
if dead_letter[1] then
  local letter = redis.call('XADD', prefix .. 'dead', 'MAXLEN', DEAD_LETTERS, '*', 'reply', id,
    'room', reply.room, 'session', reply.session, 'user', reply.user,
    'question', reply.question, 'attempt', reply.attempt, 'reason', dead_letter[1],
    'task', redis.call('HGET', reply.key, 'task') or '')
  redis.call('PEXPIRE', prefix .. 'dead', max_age)
  redis.call('HSET', reply.key, 'letter', letter)
end
redis.call('SREM', prefix .. 'running:' .. reply.room, id)
redis.call('DEL', prefix .. 'claim:' .. reply.claim)
settle(reply, log.seq, max_age)
offer_head_of(reply)
return 'done'
