-- Reads a part of a room's log. Answers {epoch, records, 1 where there are more,
-- the seq of the last one read, or nothing}.

local room = arg()
local is_backward = number_arg() == 1
local first, last = number_arg(), number_arg()
local limit = number_arg()

local log = look_and_keep(room)
local records, seqs = read_part(log, is_backward, first, last, limit + 1)
local has_more = #records > limit
if has_more then
  records[#records] = nil
end
local reached = records[1] and text_of(seqs[#records]) or ''
return { log.epoch, records, has_more and 1 or 0, reached }
