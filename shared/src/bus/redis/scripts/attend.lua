-- Notes for each of several how many connections a user has in a room with a host.
-- Answers for each {what the user is there}, or false where the host is gone.

return of_each(function()
  local host, is_first, room, user = arg(), number_arg() == 1, arg(), arg()
  local connections, name, status, announced = number_arg(), arg(), arg(), number_arg()

  local beats = redis.call('HGET', prefix .. 'hosts', host)
  if beats == 'dead' or not beats and not is_first then
    return false
  end
  if connections == 0 then
    note_absence(host, room, user, announced)
    return { 'online' }
  end
  if not beats then
    redis.call('HSET', prefix .. 'hosts', host, '0')
  end
  status = status ~= '' and status
  return { note_presence(host, room, user, connections, name, status, announced) }
end)
