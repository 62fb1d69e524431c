-- Cancels a reply. Answers 'finished', 'flagged' or 'not running'.

local room = arg()
local id = arg()

local reply = load(id)
if not reply or reply.room ~= room then
  return 'not running'
end
if reply.state == 'done' then
  -- None that has begun has this attempt: it was cancelled before, perhaps by
  -- this very call.
  return reply.attempt == 0 and 'finished' or 'not running'
end
if reply.state == 'running' then
  redis.call('HSET', reply.key, 'cancelled', 1)
  wake('cancelled ' .. id)
  return 'flagged'
end

local is_head = redis.call('LINDEX', reply.queue, 0) == id
local before, after, tail = unpack(redis.call('HMGET', reply.key, 'before', 'after', 'tail'))
local log = look(room)
append(log, before, after, tail)
withdraw(reply)
settle(reply, log.seq, max_age)
if is_head then
  offer_head_of(reply)
end
return 'finished'
