-- Ending a reply that has not ended, since nobody wants it any more.

-- Ends one that waits, and lets the broker know of one that runs. Answers 'finished'
-- or 'flagged'.
local function cancel(reply, log)
  if reply.state == 'running' then
    redis.call('HSET', reply.key, 'cancelled', 1)
    wake('cancelled ' .. reply.id)
    return 'flagged'
  end
  local is_head = redis.call('LINDEX', reply.queue, 0) == reply.id
  append(log, ending_of(reply))
  withdraw(reply)
  settle(reply, log.seq, max_age)
  if is_head then
    offer_head_of(reply)
  end
  return 'finished'
end
