-- Raises the counter of each of several leases. Answers for each 1 where the reply
-- was cancelled, 0 where not, false where the lease does not hold.

return of_each(function()
  local id, lease = arg(), arg()
  local beats = number_arg()

  local reply = load_held(id, lease)
  if not reply then
    return false
  end
  local shown = redis.call('HGET', prefix .. 'beats', id)
  if beats > tonumber(string.match(shown, '^%d+')) then
    show_beat(reply, beats)
  end
  return reply.cancelled
end)
