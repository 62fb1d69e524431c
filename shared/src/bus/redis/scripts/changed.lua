-- The rooms of several partitions that changed since a time, of each its own, with
-- their heads. Answers {now, {room, epoch, seq …} for each}, false for one that it
-- did not come to; without any where nothing has changed for long.

-- With so many rooms it ends, a third of a millisecond: Redis does nothing else meanwhile,
-- and all gateways ask each second.
local ENOUGH = 32

if not is_anywhere('changed') then
  return { now }
end

local function head_of(room)
  local log = look_and_keep(room)
  return { room, log.epoch, text_of(log.seq) }
end

-- Whether it is about what is stored: Lua stumbled over it, or it is of another type.
-- What else Redis says is about Redis: that it takes no writes, for one.
local function is_damage(why)
  return string.find(why, '^user_script:') or string.find(why, '^WRONGTYPE')
end

-- One that is damaged is passed over. Who reads it is told.
local function heads_of(changed)
  local heads = {}
  for _, room in ipairs(changed) do
    local is_read, head = pcall(head_of, room)
    if is_read then
      heads[#heads + 1] = head
    elseif not is_damage(head) then
      error({ err = head })
    end
  end
  return heads
end

local found = 0
local changes = of_each(function()
  local since = arg()
  if found >= ENOUGH then
    return false
  end
  local rooms = heads_of(redis.call('ZRANGE', prefix .. 'changed', since, '+inf', 'BYSCORE'))
  found = found + #rooms
  if #rooms == 0 then
    forget_old_changes(redis.pcall) -- which can wait where Redis refuses writes
  end
  return rooms
end)
return { now, unpack(changes) }
