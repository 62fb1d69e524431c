-- Publishes an event of a server's, into the room's log where it is durable.
-- Answers {1 for a repeat, `epoch seq`, or `-` of a transient one}.

local room = arg()
local id = arg()
local dedup_window = number_arg()
local is_durable = number_arg() == 1

local dedup = prefix .. 'posted:' .. room .. ':' .. id
local place = redis.call('GET', dedup)
if place then
  return { 1, place }
end
if is_durable then
  local event = event_arg()
  local log = look(room)
  append(log, event)
  place = log.epoch .. ' ' .. text_of(log.seq)
else
  publish(room, arg())
  place = '-'
end
redis.call('SET', dedup, place, 'PX', dedup_window)
return { 0, place }
