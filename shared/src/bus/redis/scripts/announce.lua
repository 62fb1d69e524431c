-- Publishes records of a reply. Answers as `beat` does.

local id = arg()
local lease = arg()
local records = list_arg()

local reply = load_held(id, lease)
if not reply then
  return false
end
for _, record in ipairs(records) do
  publish(reply.room, record)
end
return reply.cancelled
