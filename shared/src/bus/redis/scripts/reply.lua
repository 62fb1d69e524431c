-- What a reply, or the reply to a question, has come to. Answers {id, room,
-- session, question, state, attempt, next, text, the message or false}, or
-- false where there is none.

local id = arg()

local reply = load(id) or load(redis.call('GET', prefix .. 'asked:' .. id) or '')
if not reply then
  return false
end
local message = false
if reply.state == 'done' then
  local seq = redis.call('HGET', reply.key, 'seq')
  local entry = redis.call('XRANGE', prefix .. 'log:' .. reply.room, seq, seq)[1]
  message = entry and entry[2][2] or false
end
local next, text = text_so_far(reply)
return {
  reply.id, reply.room, reply.session, reply.question, reply.state, reply.attempt, next, text,
  message,
}
