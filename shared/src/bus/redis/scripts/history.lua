-- Reads a part of a room's log. Answers {epoch, records, 1 where there are more}.

local room = arg()
local direction = arg()
local from, to = arg(), arg() -- in the direction of reading
local limit = number_arg()

local log = look_and_keep(room)
local read = direction == 'forward' and 'XRANGE' or 'XREVRANGE'
local records = records_of(redis.call(read, log.entries, from, to, 'COUNT', limit + 1))
local has_more = #records > limit
if has_more then
  records[#records] = nil
end
return { log.epoch, records, has_more and 1 or 0 }
