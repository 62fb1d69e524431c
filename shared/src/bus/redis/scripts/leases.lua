-- All leases of several partitions. Answers for each {id, what `show_beat` wrote, …};
-- nothing where none has any.

if not is_anywhere('beats') then
  return {}
end
return of_each(function()
  return redis.call('HGETALL', prefix .. 'beats')
end)
