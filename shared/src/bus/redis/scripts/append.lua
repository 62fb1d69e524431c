-- Appends a delta to a reply's text. Answers {'done', 1 where it was cancelled},
-- {'behind', the next index} or {'fenced'}.

local id = arg()
local attempt = number_arg()
local claim = arg()
local index = number_arg()
local text = arg()
local record = arg()

local reply = load_held(id, attempt, claim)
if not reply then
  return { 'fenced' }
elseif index > reply.next then
  return { 'behind', reply.next }
elseif index == reply.next then
  redis.call('APPEND', reply.text, text)
  redis.call('HSET', reply.key, 'next', text_of(index + 1))
  publish(reply.room, record)
end
return { 'done', reply.cancelled }
