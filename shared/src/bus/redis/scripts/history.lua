-- Reads a part of a room's log. Answers {epoch, records, 1 where there are more,
-- the seq of the last one read, or nothing}.

local room = arg()
local is_backward = number_arg() == 1
local first, last = number_arg(), number_arg()
local limit, most_bytes = number_arg(), number_arg()

local log = look_and_keep(room)
local records, seqs, _, is_full = read_part(log, is_backward, first, last, limit + 1, most_bytes)
local has_more = is_full or #records > limit
if #records > limit then
  records[#records] = nil
end
local reached = records[1] and text_of(seqs[#records]) or ''
return { log.epoch, records, has_more and 1 or 0, reached }
