-- Gives somebody nothing for so long; longer, where that was said already.

local key = prefix .. 'held:' .. arg()
local for_ms = number_arg()

local held = redis.call('GET', key)
if for_ms > 0 and not (held and tonumber(held) >= now_ms + for_ms) then
  redis.call('SET', key, text_of(now_ms + for_ms), 'PX', text_of(for_ms))
end
return { 'done' }
