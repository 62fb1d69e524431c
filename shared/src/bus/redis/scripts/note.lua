-- Keeps an entry of the chronicle, once. One that raises or clears an alert is kept if that
-- changes something. Answers whether it is kept.

local known_for, max_age = arg(), number_arg()
local max_entries, id = arg(), arg()
local change, alert, entry = arg(), arg(), arg()

local known = prefix .. 'noted:' .. id
local before = redis.call('GET', known)
if before then
  return tonumber(before)
end
local alerts, chronicle = prefix .. 'alerts', prefix .. 'chronicle'
local stands = alert ~= '' and redis.call('HGET', alerts, alert)
local is_new = change == '' or (change == 'raise') == not stands
redis.call('SET', known, is_new and 1 or 0, 'PX', known_for)
if not is_new then
  return 0
end
if change == 'raise' then
  redis.call('HSET', alerts, alert, entry)
elseif change == 'clear' then
  redis.call('HDEL', alerts, alert)
end
redis.call('XADD', chronicle, '*', 'e', entry)
redis.call('XTRIM', chronicle, 'MAXLEN', max_entries)
redis.call('XTRIM', chronicle, 'MINID', text_of(math.max(now_ms - max_age, 0)))
redis.call('PEXPIRE', chronicle, text_of(max_age))
return 1
