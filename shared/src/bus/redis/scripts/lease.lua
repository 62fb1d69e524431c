-- What scripts do for who holds a reply's lease.

-- The reply, if `lease` holds: its attempt and its claim, which tells two attempts
-- of one number apart, should Redis have lost more than one. Each delta and each beat
-- asks for this, so it is one short command.
local function load_held(id, lease)
  local reply = { id = id, texts = prefix .. 'texts:' .. id }
  local cancelled
  reply.lease, reply.room, cancelled =
    unpack(redis.call('HMGET', prefix .. 'gen:' .. id, 'lease', 'room', 'cancelled'))
  reply.cancelled = cancelled and 1 or 0
  return reply.lease == lease and reply or nil
end

-- The lease as others see it.
local function show_beat(reply, beats)
  redis.call('HSET', prefix .. 'beats', reply.id,
    text_of(beats) .. ' ' .. reply.lease .. ' ' .. reply.room)
end
