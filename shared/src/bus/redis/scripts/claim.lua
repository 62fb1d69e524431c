-- Claims the question of a tenant that has waited longest. Answers what
-- `claimed` does, or false where none waits.

local tenant = arg()
local claim = arg()

local held = redis.call('GET', prefix .. 'claim:' .. claim)
if held then
  return claimed(load(held))
end

local runnable = prefix .. 'runnable:' .. tenant
local id = redis.call('LINDEX', runnable, 0)
if not id then
  return false
end
local reply = load(id)
reply.attempt = 1
redis.call('HSET', reply.key, 'state', 'running', 'attempt', 1, 'claim', claim, 'claimed', now)
redis.call('SET', prefix .. 'claim:' .. claim, id)
redis.call('SADD', prefix .. 'running:' .. reply.room, id)
show_beat(reply, 0)
withdraw(reply)
return claimed(reply)
