-- Claims the question of a tenant that has waited longest. Answers what
-- `claimed` does, or false where none waits.

local tenant = arg()
local claim = arg()

local held = redis.call('GET', prefix .. 'claim:' .. claim)
if held then
  local reply = load(held)
  -- Who asks again lives, and may have learned only now that it has got it.
  if string.find(redis.call('HGET', prefix .. 'beats', held) or '', '^0 ') then
    reply.lease = lease_of(reply)
    show_beat(reply, 1)
  end
  return claimed(reply)
end

local runnable = prefix .. 'runnable:' .. tenant
local reply
repeat
  local id = redis.call('LINDEX', runnable, 0)
  if not id then
    redis.call('SREM', prefix .. 'tenants', tenant)
    return false
  end
  reply = load(id)
  -- One of which Redis has lost all but its place holds nobody up.
  if not reply then
    redis.call('LPOP', runnable)
  end
until reply
begin_attempt(reply, claim)
redis.call('SADD', prefix .. 'running:' .. reply.room, reply.id)
show_beat(reply, 0)
withdraw(reply)
return claimed(reply)
