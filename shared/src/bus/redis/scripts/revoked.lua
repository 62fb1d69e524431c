-- The revocations of several partitions since a time. Answers for each {user, ms, …};
-- nothing where there are none in any.

if not is_anywhere('revoked') then
  return {}
end
return of_each(function()
  local since = arg()
  return redis.call('ZRANGE', prefix .. 'revoked', since, '+inf', 'BYSCORE', 'WITHSCORES')
end)
