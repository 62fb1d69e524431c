-- Takes one of each of somebody's allowances (GCRA, as `rate.rs` has it), or none
-- where one is spent, or where they are held off; for each of several, one after the
-- other. Answers for each {'granted'}, {'spent', which, microseconds} or {'held',
-- milliseconds}.

return of_each(function()
  local whom = arg()

  local held = redis.call('GET', prefix .. 'held:' .. whom)
  if held and tonumber(held) > now_ms then
    return { 'held', text_of(tonumber(held) - now_ms) }
  end

  local now_us = time[1] * 1000000 + time[2]
  local due_next = {}
  for i = 1, number_arg() do
    local key = prefix .. 'rate:' .. whom .. ':' .. arg()
    local interval, tolerance = number_arg(), number_arg()
    local due = math.max(tonumber(redis.call('GET', key) or 0), now_us)
    -- Further ahead it comes only by a clock set back, or by an earlier rate: it
    -- begins anew, with one.
    if due - now_us > tolerance + interval then
      due = now_us + tolerance
    end
    if due - now_us > tolerance then
      return { 'spent', text_of(i - 1), text_of(due - now_us - tolerance) }
    end
    due_next[i] = { key, due + interval }
  end

  for _, one in ipairs(due_next) do
    -- What is not there is full.
    local full_in_ms = math.ceil((one[2] - now_us) / 1000)
    redis.call('SET', one[1], text_of(one[2]), 'PX', text_of(math.max(full_in_ms, 1)))
  end
  return { 'granted' }
end)
