-- Tells all gateways what to do with connections; a revocation, whose user and time
-- follow, is kept.

local message = arg()
local user = arg()

if user then
  local until_ms = arg()
  local kept_for = number_arg()
  redis.call('ZADD', prefix .. 'revoked', 'GT', until_ms, user)
  redis.call('ZREMRANGEBYSCORE', prefix .. 'revoked', '-inf', text_of(now_ms - kept_for))
end
redis.call('SPUBLISH', prefix .. 'orders', message)
return 1
