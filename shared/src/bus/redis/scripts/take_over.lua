-- Takes a reply over whose lease nobody has shown to live since it was seen.
-- Answers what `claimed` does, or false where somebody has.

local id = arg()
local seen_lease = arg()
local seen_beats = arg()
local claim = arg()

local reply = load(id)
if not reply or reply.state ~= 'running' then
  return false
end
if reply.claim == claim then
  return claimed(reply)
end
local seen = seen_beats .. ' ' .. seen_lease .. ' ' .. reply.room
if redis.call('HGET', prefix .. 'beats', id) ~= seen then
  return false
end
redis.call('DEL', prefix .. 'claim:' .. reply.claim, reply.texts)
begin_attempt(reply, claim)
show_beat(reply, 0)
return claimed(reply)
