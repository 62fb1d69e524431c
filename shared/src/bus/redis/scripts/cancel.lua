-- Cancels a reply. Answers 'finished', 'flagged' or 'not running'.

local room = arg()
local id = arg()

local reply = load(id)
if not reply or reply.room ~= room then
  return 'not running'
end
if reply.state == 'done' then
  -- None that has begun has this attempt: it was cancelled before, perhaps by
  -- this very call.
  return reply.attempt == 0 and 'finished' or 'not running'
end
return cancel(reply, look(room))
