-- What waits for brokers in several partitions. Answers for each {how many replies
-- have not ended, how many of them have begun, {tenant …}, how many milliseconds ago
-- the oldest was accepted of the questions that are next}; nothing where nothing waits
-- or runs in any.

-- At so many tenants' lines it looks. Where more wait these tell enough, and Redis does
-- nothing else meanwhile.
local MOST_LINES = 32

-- What is damaged is for those to tell who claim it.
local function age_of_oldest(tenants)
  local oldest = now_ms
  for i = 1, math.min(#tenants, MOST_LINES) do
    local id = redis.pcall('LINDEX', prefix .. 'runnable:' .. tenants[i], 0)
    if type(id) == 'string' then
      local accepted = redis.pcall('HGET', prefix .. 'gen:' .. id, 'accepted')
      oldest = math.min(oldest, type(accepted) == 'string' and tonumber(accepted) or now_ms)
    end
  end
  return text_of(now_ms - oldest)
end

if not is_anywhere('queued', 'beats', 'tenants') then
  return {}
end
return of_each(function()
  local tenants = redis.call('SMEMBERS', prefix .. 'tenants')
  return {
    redis.call('HGET', prefix .. 'queued', '*') or 0,
    redis.call('HLEN', prefix .. 'beats'),
    tenants,
    age_of_oldest(tenants),
  }
end)
