-- Reads a room's log on from a position. Answers {epoch, seq, records or false
-- where the position is lost, running replies}.

local room = arg()
local max_recover = number_arg()
local limit = arg()
local epoch = arg() -- empty where only the head is wanted
local seq = number_arg()

local log = look_and_keep(room)

local function is_known()
  if epoch == log.epoch then
    return seq <= log.seq
  end
  for name, last in string.gmatch(log.lives, '(%w+):(%d+)') do
    if name == epoch then
      return seq <= tonumber(last)
    end
  end
  return false
end

local records = {}
if epoch ~= '' then
  if not is_known() or log.seq - seq > max_recover then
    records = false
  elseif seq < log.seq then
    local next = text_of(seq + 1)
    local entries = redis.call('XRANGE', log.entries, next, '+', 'COUNT', limit)
    if entries[1] and string.match(entries[1][1], '^%d+') == next then
      records = records_of(entries)
    else
      records = false
    end
  end
end

local running = {}
for _, id in ipairs(redis.call('SMEMBERS', prefix .. 'running:' .. room)) do
  local reply = load(id)
  -- Of one that is missing Redis has lost all but its place.
  if reply then
    running[#running + 1] = {
      id, reply.session, reply.question, reply.attempt, reply.next,
      redis.call('GET', reply.text) or '',
    }
  end
end
return { log.epoch, text_of(log.seq), records, running }
