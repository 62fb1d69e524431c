-- What scripts do with replies.

local function load(id)
  local key = prefix .. 'gen:' .. id
  local state, room, session, user, question, attempt, claim, cancelled, begun_under =
    unpack(redis.call('HMGET', key, 'state', 'room', 'session', 'user', 'question',
      'attempt', 'claim', 'cancelled', 'replid'))
  if not state then
    return nil
  end
  return {
    id = id,
    key = key,
    texts = prefix .. 'texts:' .. id,
    queue = prefix .. 'queue:' .. room .. ':' .. session,
    state = state,
    room = room,
    tenant = string.match(room, '^[^:]+'),
    session = session,
    user = user,
    question = question,
    attempt = tonumber(attempt),
    claim = claim,
    cancelled = cancelled and 1 or 0,
    begun_under = begun_under,
  }
end

-- What its broker shows with each step; empty where none was begun.
local function lease_of(reply)
  return reply.claim and text_of(reply.attempt) .. ' ' .. reply.claim or ''
end

-- How many deltas its text has, and the text.
local function text_so_far(reply)
  local texts = redis.call('LRANGE', reply.texts, 0, -1)
  return #texts, table.concat(texts)
end

-- Begins the next attempt at it. Where Redis may have lost an attempt since the
-- last one that it knows, the number after that is passed over: people may have
-- read what was said under it, and would take what is said now for its end.
local function begin_attempt(reply, claim)
  reply.attempt = reply.attempt + (reply.begun_under == replid() and 1 or 2)
  reply.claim = claim
  reply.lease = lease_of(reply)
  redis.call('HSET', reply.key, 'state', 'running', 'attempt', reply.attempt, 'claim', claim,
    'lease', reply.lease, 'claimed', now, 'replid', replid())
  redis.call('HINCRBY', reply.key, 'begun', 1)
  redis.call('SET', prefix .. 'claim:' .. claim, reply.id)
end

-- Counts it among those of its tenant and of its user, or no longer.
local function count(reply, by)
  for _, field in ipairs({ '*', reply.tenant, reply.tenant .. ':' .. reply.user }) do
    if redis.call('HINCRBY', prefix .. 'queued', field, by) <= 0 then
      redis.call('HDEL', prefix .. 'queued', field)
    end
  end
end

-- Lets brokers have it.
local function offer(reply)
  redis.call('RPUSH', prefix .. 'runnable:' .. reply.tenant, reply.id)
  redis.call('SADD', prefix .. 'tenants', reply.tenant)
  wake('runnable ' .. reply.tenant)
end

local function withdraw(reply)
  local runnable = prefix .. 'runnable:' .. reply.tenant
  redis.call('LREM', runnable, 1, reply.id)
  if redis.call('EXISTS', runnable) == 0 then
    redis.call('SREM', prefix .. 'tenants', reply.tenant)
  end
end

-- Leaves of a reply that has ended what answers a repeat. `seq` is its message's.
local function settle(reply, seq, max_age)
  redis.call('LREM', reply.queue, 1, reply.id)
  count(reply, -1)
  redis.call('HSET', reply.key, 'state', 'done', 'seq', text_of(seq))
  redis.call('HDEL', reply.key, 'lease', 'task', 'before', 'after', 'tail', 'cancelled')
  redis.call('DEL', reply.texts)
  redis.call('PEXPIRE', reply.key, max_age)
  redis.call('PEXPIRE', prefix .. 'asked:' .. reply.question, max_age)
end

-- The `message` of one that ends before it was begun.
local function ending_of(reply)
  local before, after, tail = unpack(redis.call('HMGET', reply.key, 'before', 'after', 'tail'))
  return { before = before, after = after, tail = tail }
end

-- The replies of the reply's session that wait or run, in their order.
local function queued_before(reply)
  local queued = {}
  for _, id in ipairs(redis.call('LRANGE', reply.queue, 0, -1)) do
    -- Of one that is missing Redis has lost all but its place.
    queued[#queued + 1] = load(id)
  end
  return queued
end

-- Lets the question at the head of the reply's session go. One of which Redis
-- has lost all but its place holds nobody up.
local function offer_head_of(reply)
  while true do
    local id = redis.call('LINDEX', reply.queue, 0)
    if not id then
      return
    end
    local head = load(id)
    if head then
      return offer(head)
    end
    redis.call('LPOP', reply.queue)
  end
end

-- What a broker needs to make the reply. Of one of which Redis has lost that, an empty
-- task, which nobody can make anything of: so it ends, and is not taken over for ever.
local function claimed(reply)
  local session = reply.room .. ':' .. reply.session
  local task, accepted, claimed_at, begun =
    unpack(redis.call('HMGET', reply.key, 'task', 'accepted', 'claimed', 'begun'))
  return {
    reply.id, reply.attempt, begun, reply.claim, reply.room, reply.question, reply.session, reply.user,
    task or '',
    1 - redis.call('EXISTS', prefix .. 'replied:' .. session),
    -- A clock that was set back has waited for nothing.
    reply.cancelled, text_of(math.max(0, claimed_at - (accepted or claimed_at))),
    redis.call('EXISTS', prefix .. 'runnable:' .. reply.tenant),
    redis.call('LRANGE', prefix .. 'turns:' .. session, 0, -1),
  }
end
