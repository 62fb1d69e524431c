-- Appends a delta to the text of each of several replies. Answers for each {'done',
-- 1 where it was cancelled}, {'behind', the next index} or {'fenced'}.

return of_each(function()
  local id, lease = arg(), arg()
  local index = number_arg()
  local text, record = arg(), arg()

  local reply = load_held(id, lease)
  if not reply then
    return { 'fenced' }
  end
  -- Nearly always it is the next one: so what tells that is what appends it.
  local next = redis.call('RPUSH', reply.texts, text) - 1
  if index == next then
    publish(reply.room, record)
    return { 'done', reply.cancelled }
  end
  redis.call('LTRIM', reply.texts, 0, -2)
  if index > next then
    return { 'behind', next }
  end
  return { 'done', reply.cancelled }
end)
