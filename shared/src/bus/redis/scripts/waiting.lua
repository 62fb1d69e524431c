-- What waits for brokers in several partitions. Answers for each {how many replies
-- have not ended, how many of them have begun, {tenant …}}; nothing where nothing
-- waits or runs in any.

if not is_anywhere('queued', 'beats', 'tenants') then
  return {}
end
return of_each(function()
  return {
    redis.call('HGET', prefix .. 'queued', '*') or 0,
    redis.call('HLEN', prefix .. 'beats'),
    redis.call('SMEMBERS', prefix .. 'tenants'),
  }
end)
