-- Keeps what a user has said to be, and tells all gateways, who tell the rooms.

local message = arg()
local room = arg()
local user = arg()
local status = arg()

local key = prefix .. 'status:' .. room
if status == 'online' then
  redis.call('DEL', key)
elseif seen(room, user) then
  redis.call('SET', key, status)
else
  redis.call('SET', key, status, 'PX', STATUS_KEPT)
end
redis.call('SPUBLISH', prefix .. 'orders', message)
return 1
