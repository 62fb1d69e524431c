-- Appends a delta to the text of each of several replies. Answers for each {'done',
-- 1 where it was cancelled}, {'behind', the next index} or {'fenced'}.

return of_each(function()
  local id, attempt, claim = arg(), number_arg(), arg()
  local index, text, record = number_arg(), arg(), arg()

  local reply = load_held(id, attempt, claim)
  if not reply then
    return { 'fenced' }
  end
  local next = tonumber(reply.next)
  if index > next then
    return { 'behind', next }
  elseif index == next then
    redis.call('APPEND', prefix .. 'text:' .. id, text)
    redis.call('HSET', reply.key, 'next', text_of(index + 1))
    publish(reply.room, record)
  end
  return { 'done', reply.cancelled }
end)
