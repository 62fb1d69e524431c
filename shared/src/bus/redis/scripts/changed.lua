-- The rooms of several partitions that changed since a time, of each its own, with
-- their heads. Answers {now, {room, epoch, seq …} for each}, false for one that it
-- did not come to; without any where nothing has changed for long.

-- With so many rooms it ends: Redis does nothing else meanwhile.
local ENOUGH = 256

if not is_anywhere('changed') then
  return { now }
end
local found = 0
local changes = of_each(function()
  local since = arg()
  if found >= ENOUGH then
    return false
  end
  local rooms = {}
  for i, room in ipairs(redis.call('ZRANGE', prefix .. 'changed', since, '+inf', 'BYSCORE')) do
    local log = look_and_keep(room)
    rooms[i] = { room, log.epoch, text_of(log.seq) }
  end
  found = found + #rooms
  if #rooms == 0 then
    forget_old_changes(redis.pcall) -- which can wait where Redis refuses writes
  end
  return rooms
end)
return { now, unpack(changes) }
