-- Raises a lease's counter. Answers 1 where the reply was cancelled, 0 where
-- not, false where the lease does not hold.

local id = arg()
local attempt = number_arg()
local claim = arg()
local beats = number_arg()

local reply = load_held(id, attempt, claim)
if not reply then
  return false
end
local shown = redis.call('HGET', prefix .. 'beats', id)
if beats > tonumber(string.match(shown, '^%d+ (%d+) ')) then
  show_beat(reply, beats)
end
return reply.cancelled
