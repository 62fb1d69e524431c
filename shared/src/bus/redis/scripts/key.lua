-- An API key. Answers {what is kept, when it was used or ''}, or false where there is none.

local id = arg()

local kept = redis.call('HGET', prefix .. 'keys', id)
return kept and { kept, redis.call('HGET', prefix .. 'keys_used', id) or '' }
