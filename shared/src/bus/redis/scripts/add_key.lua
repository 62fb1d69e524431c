-- Keeps a new API key. Answers 1, or 0 where another has its id.

local id = arg()
local key = arg()

local kept = redis.call('HGET', prefix .. 'keys', id)
if not kept then
  redis.call('HSET', prefix .. 'keys', id, key)
  kept = key
end
return kept == key and 1 or 0
