-- Stores what each of several people said. Answers for each {'stored'|'repeat',
-- receipt}, {'busy'} or {'full', scope, cap}.

return of_each(function()
  local room = arg()
  local user = arg()
  local client_id = arg()
  local dedup_window = number_arg()
  local session = arg()
  local question = arg()
  local event = event_arg()
  local id = arg() -- of the reply; empty where none is wanted

  local dedup = prefix .. 'dedup:' .. room .. ':' .. user .. ':' .. client_id
  local receipt = redis.call('GET', dedup)
  if receipt then
    return { 'repeat', receipt }
  end

  local reply
  local if_busy, task, ending
  local running
  local ahead, waiting = {}, {}

  if id ~= '' then
    if_busy, task = arg(), arg()
    ending = event_arg()
    local session_cap, user_cap, tenant_cap = number_arg(), number_arg(), number_arg()

    reply = {
      id = id,
      key = prefix .. 'gen:' .. id,
      queue = prefix .. 'queue:' .. room .. ':' .. session,
      tenant = string.match(room, '^[^:]+'),
      user = user,
    }
    ahead = queued_before(reply)
    if #ahead > 0 and if_busy == 'reject' then
      return { 'busy' }
    end
    local leaving = 0 -- of this user
    if if_busy == 'interrupt' then
      for _, other in ipairs(ahead) do
        if other.state == 'running' then
          running = other
        else
          waiting[#waiting + 1] = other
          if other.user == user then
            leaving = leaving + 1
          end
        end
      end
    end

    local of_tenant, of_user =
      unpack(redis.call('HMGET', prefix .. 'queued', reply.tenant, reply.tenant .. ':' .. user))
    if #ahead - #waiting >= session_cap then
      return { 'full', 'user', session_cap }
    elseif (of_user or 0) - leaving >= user_cap then
      return { 'full', 'user', user_cap }
    elseif (of_tenant or 0) - #waiting >= tenant_cap then
      return { 'full', 'tenant', tenant_cap }
    end
  end

  local log = look(room)
  for _, other in ipairs(waiting) do
    append(log, ending_of(other))
    withdraw(other)
    settle(other, log.seq, max_age)
  end
  if running then
    redis.call('HSET', running.key, 'cancelled', 1)
    wake('cancelled ' .. running.id)
  end
  append(log, event)
  if reply then
    redis.call('HSET', reply.key, 'state', 'queued', 'room', room, 'session', session,
      'user', user, 'question', question, 'attempt', 0, 'accepted', now, 'task', task,
      'replid', replid(), 'said', text_of(log.seq),
      'before', ending.before, 'after', ending.after, 'tail', ending.tail)
    redis.call('SET', prefix .. 'asked:' .. question, id)
    count(reply, 1)
    local head = redis.call('LINDEX', reply.queue, 0)
    redis.call('RPUSH', reply.queue, id)
    -- Nobody else will, where all before it have left, or are lost.
    if #ahead == #waiting or head ~= ahead[1].id then
      offer_head_of(reply)
    end
  else
    local place = '- ' .. text_of(log.seq) .. ' ' .. room .. ' ' .. user
    redis.call('SET', prefix .. 'asked:' .. question, place, 'PX', max_age)
  end
  receipt = question .. ' ' .. session .. ' ' .. (reply and id or '-') .. ' '
    .. log.epoch .. ' ' .. text_of(log.seq)
  redis.call('SET', dedup, receipt, 'PX', dedup_window)
  return { 'stored', receipt }
end)
