-- What scripts do for who holds a reply's lease.

-- The reply, if the lease (id, attempt, claim) holds. The claim tells two
-- attempts of one number apart, should Redis have lost more than one.
local function load_held(id, attempt, claim)
  local reply = { id = id, key = prefix .. 'gen:' .. id }
  local state, at, cancelled
  state, at, reply.claim, reply.room, reply.next, cancelled =
    unpack(redis.call('HMGET', reply.key, 'state', 'attempt', 'claim', 'room', 'next', 'cancelled'))
  reply.attempt = tonumber(at)
  if state == 'running' and reply.attempt == attempt
    and reply.claim == claim then
    reply.cancelled = cancelled and 1 or 0
    return reply
  end
  return nil
end

-- The lease as others see it.
local function show_beat(reply, beats)
  redis.call('HSET', prefix .. 'beats', reply.id,
    reply.attempt .. ' ' .. text_of(beats) .. ' ' .. reply.claim .. ' ' .. reply.room)
end
