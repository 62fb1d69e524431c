-- Tells all gateways what to do with a user's connections; a revocation is kept.

local what = arg()
local user = arg()
local until_ms = arg()
local kept_for = number_arg()

if what == 'revoke' then
  redis.call('ZADD', prefix .. 'revoked', 'GT', until_ms, user)
  redis.call('ZREMRANGEBYSCORE', prefix .. 'revoked', '-inf', text_of(now_ms - kept_for))
end
redis.call('SPUBLISH', prefix .. 'orders', what .. ' ' .. user .. ' ' .. until_ms)
return 1
