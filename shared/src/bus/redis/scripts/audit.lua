-- Keeps entries of an audit log, once for each batch.

-- How long it is remembered that a batch is kept.
local BATCH_KNOWN = 600000

local log = prefix .. arg()
local max_age = number_arg()
local max_events = arg()
local batch = prefix .. 'audited:' .. arg()
local entries = list_arg()

if redis.call('EXISTS', batch) == 1 then
  return 1
end
redis.call('SET', batch, 1, 'PX', BATCH_KNOWN)
for _, entry in ipairs(entries) do
  redis.call('XADD', log, '*', 'e', entry)
end
redis.call('XTRIM', log, 'MAXLEN', max_events)
redis.call('XTRIM', log, 'MINID', text_of(math.max(now_ms - max_age, 0)))
redis.call('PEXPIRE', log, text_of(max_age))
return 1
