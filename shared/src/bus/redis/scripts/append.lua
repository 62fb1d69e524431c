-- Appends a delta to the text of each of several replies. Answers for each {'done',
-- 1 where it was cancelled}, {'behind', the next index} or {'fenced'}.

return of_each(function()
  local id, lease = arg(), arg()
  local index, following = arg(), arg()
  local text, record = arg(), arg()

  local reply = load_held(id, lease)
  if not reply then
    return { 'fenced' }
  end
  if index == reply.next then
    redis.call('APPEND', prefix .. 'text:' .. id, text)
    redis.call('HSET', reply.key, 'next', following)
    publish(reply.room, record)
  elseif tonumber(index) > tonumber(reply.next) then
    return { 'behind', tonumber(reply.next) }
  end
  return { 'done', reply.cancelled }
end)
