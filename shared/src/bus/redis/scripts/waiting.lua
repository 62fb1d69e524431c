-- What waits for brokers. Answers {how many replies have not ended, how many of
-- them have begun, {tenant …}}.

return {
  redis.call('HGET', prefix .. 'queued', '*') or 0,
  redis.call('HLEN', prefix .. 'beats'),
  redis.call('SMEMBERS', prefix .. 'tenants'),
}
