-- Reads an audit log, the newest first. Answers the place of each, and the entry.

local log = prefix .. arg()
local max_age = number_arg()
local before, limit = arg(), arg()

local found = {}
local oldest = text_of(math.max(now_ms - max_age, 0))
for _, entry in ipairs(redis.call('XREVRANGE', log, before, oldest, 'COUNT', limit)) do
  found[#found + 1] = entry[1]
  found[#found + 1] = entry[2][2]
end
return found
