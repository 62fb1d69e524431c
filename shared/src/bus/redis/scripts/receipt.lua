-- The receipt of what somebody said before under that id. Answers {receipt}, or false where
-- there is none.

local room = arg()
local user = arg()
local client_id = arg()

local receipt = redis.call('GET', prefix .. 'dedup:' .. room .. ':' .. user .. ':' .. client_id)
return receipt and { receipt }
