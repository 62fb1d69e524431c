-- The partition's rooms that changed since a time, with their heads. Answers
-- {now, {room, epoch, seq} …}.

local since = arg()

local rooms = {}
for i, room in ipairs(redis.call('ZRANGE', prefix .. 'changed', since, '+inf', 'BYSCORE')) do
  local log = look_and_keep(room)
  rooms[i] = { room, log.epoch, text_of(log.seq) }
end
return { now, rooms }
