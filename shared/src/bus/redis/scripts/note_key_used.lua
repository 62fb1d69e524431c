-- Notes that an API key was used, if it is still kept.

local id = arg()
local at = number_arg()

local used = redis.call('HGET', prefix .. 'keys_used', id)
if redis.call('HGET', prefix .. 'keys', id) and at > tonumber(used or 0) then
  redis.call('HSET', prefix .. 'keys_used', id, text_of(at))
end
return 1
