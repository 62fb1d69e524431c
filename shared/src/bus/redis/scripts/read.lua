-- Reads rooms' logs on, each from a position. Answers for each room {epoch, seq,
-- the lives before, records or false where the position is lost, running replies}.

local max_recover = number_arg()
local limit, bytes_left = number_arg(), number_arg()

local function is_known(log, epoch, seq)
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

-- `epoch` is empty where only the head is wanted.
local function records_after(log, epoch, seq)
  if epoch == '' then
    return {}
  end
  if not is_known(log, epoch, seq) or log.seq - seq > max_recover then
    return false
  end
  if seq == log.seq then
    return {}
  end
  local records, seqs, bytes = read_part(log, false, seq + 1, log.seq, limit, bytes_left)
  bytes_left = bytes_left - bytes
  return seqs[1] == seq + 1 and records
end

local function running_in(room)
  local running = {}
  for _, id in ipairs(redis.call('SMEMBERS', prefix .. 'running:' .. room)) do
    local reply = load(id)
    -- Of one that is missing Redis has lost all but its place.
    if reply then
      running[#running + 1] = {
        id, reply.session, reply.question, reply.attempt, text_so_far(reply),
      }
    end
  end
  return running
end

local pages = {}
for i = 1, number_arg() do
  local room, epoch, seq = arg(), arg(), number_arg()
  local log = look_and_keep(room)
  pages[i] = {
    log.epoch, text_of(log.seq), log.lives, records_after(log, epoch, seq), running_in(room),
  }
end
return pages
