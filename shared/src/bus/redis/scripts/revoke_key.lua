-- Forgets an API key.

local id = arg()

redis.call('HDEL', prefix .. 'keys', id)
redis.call('HDEL', prefix .. 'keys_used', id)
return 1
