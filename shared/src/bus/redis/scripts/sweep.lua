-- Takes back some of what was told under a host that shows no life any more. Answers
-- {1 where there is more}.

-- With so many users it ends: Redis does nothing else meanwhile.
local ENOUGH = 100

local host = arg()
local announced = number_arg()

local hosts, at = prefix .. 'hosts', prefix .. 'at:' .. host
redis.call('HSET', hosts, host, 'dead')
local left = ENOUGH
while left > 0 do
  local room = redis.call('SRANDMEMBER', at)
  if not room then
    redis.call('HDEL', hosts, host)
    return { 0 }
  end
  local users = redis.call('HRANDFIELD', prefix .. 'here:' .. host .. ':' .. room, left)
  for _, user in ipairs(users) do
    note_absence(host, room, user, announced)
  end
  if #users == 0 then
    redis.call('SREM', at, room)
  end
  left = left - #users - 1
end
return { 1 }
