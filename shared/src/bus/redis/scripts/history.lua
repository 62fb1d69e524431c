-- Reads a part of a room's log. Answers {epoch, records, 1 where there are more,
-- the seq of the last one read, or nothing}.

local room = arg()
local direction = arg()
local from, to = arg(), arg() -- in the direction of reading
local limit = number_arg()

local log = look_and_keep(room)
local read = direction == 'forward' and 'XRANGE' or 'XREVRANGE'
local entries = redis.call(read, log.entries, from, to, 'COUNT', limit + 1)
local has_more = #entries > limit
if has_more then
  entries[#entries] = nil
end
local reached = entries[1] and string.match(entries[#entries][1], '^%d+') or ''
return { log.epoch, records_of(entries), has_more and 1 or 0, reached }
