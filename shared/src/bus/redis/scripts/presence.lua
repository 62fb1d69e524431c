-- What scripts do with who is in a room.
--
-- `who:R` holds of each user `connections status name`, over all hosts; the name as
-- JSON. `here:H:R` holds how many of them are with the host H, and `at:H` the rooms
-- in which it has any.

-- How long what a user has said to be is kept when they are gone, in milliseconds.
local STATUS_KEPT = 3600000

-- Tells a room of a user, as `record.rs` and `frame.rs` write what is transient.
local function tell(room, event, excluded, data)
  local header = '1 transient ' .. event .. ' - 0 ' .. now .. ' - 0 -1 ' .. excluded .. '\n'
  publish(room, header .. '{"ts":' .. now .. ',"type":"' .. event .. '","room":"'
    .. string.match(room, ':(.*)$') .. '","data":' .. data .. '}')
end

local function seen(room, user)
  local kept = redis.call('HGET', prefix .. 'who:' .. room, user)
  if not kept then
    return nil
  end
  local one = {}
  one.connections, one.status, one.name = string.match(kept, '^(%d+) (%l+) (.*)$')
  one.connections = tonumber(one.connections)
  return one
end

local function keep(room, user, one)
  redis.call('HSET', prefix .. 'who:' .. room, user,
    text_of(one.connections) .. ' ' .. one.status .. ' ' .. one.name)
end

-- Whether the room is small enough that all there are told who comes and goes. Of who is
-- alone in their own room, as nearly all are, nobody would hear it.
local function is_told(room, is_own, announced)
  local count = redis.call('HLEN', prefix .. 'who:' .. room)
  return count <= announced and not (is_own and count == 1)
end

-- Where it is kept what a user has said to be, if `room` is theirs.
local function status_key(room, user)
  return string.match(room, ':user:(.*)$') == user and prefix .. 'status:' .. room
end

-- Notes that a user has so many connections with a host; what they are.
local function note_presence(host, room, user, connections, name, status, announced)
  local here = prefix .. 'here:' .. host .. ':' .. room
  local before = tonumber(redis.call('HGET', here, user) or 0)
  redis.call('HSET', here, user, text_of(connections))
  if before == 0 then
    redis.call('SADD', prefix .. 'at:' .. host, room)
  end
  local one = seen(room, user)
  local joins, was = not one, one and one.status
  one = one or { connections = 0, status = 'online' }
  one.connections = one.connections + connections - before
  one.name = name
  local key = status_key(room, user)
  if key then
    -- What is kept holds: a gateway may not have heard of the last.
    local kept = redis.call('GET', key)
    if joins then
      -- From a gateway that knows it still, where it is lost here.
      kept = kept or status ~= 'online' and status
      if kept then
        -- As long as they are there.
        redis.call('SET', key, kept)
      end
    end
    status = kept or 'online'
  end
  one.status = status or one.status
  keep(room, user, one)
  if joins and is_told(room, key, announced) then
    tell(room, 'user_joined', '- ' .. user,
      '{"user_id":"' .. user .. '","name":' .. one.name .. ',"status":"' .. one.status .. '"}')
  elseif was and was ~= one.status and is_told(room, false, announced) then
    tell(room, 'user_status_changed', '- -',
      '{"user_id":"' .. user .. '","status":"' .. one.status .. '"}')
  end
  return one.status
end

-- Notes that a user has no connection with a host any more.
local function note_absence(host, room, user, announced)
  local here = prefix .. 'here:' .. host .. ':' .. room
  local before = tonumber(redis.call('HGET', here, user) or 0)
  redis.call('HDEL', here, user)
  if redis.call('HLEN', here) == 0 then
    redis.call('SREM', prefix .. 'at:' .. host, room)
  end
  local one = seen(room, user)
  if not one or before == 0 then
    return
  end
  one.connections = one.connections - before
  if one.connections > 0 then
    return keep(room, user, one)
  end
  local key = status_key(room, user)
  if is_told(room, key, announced) then
    tell(room, 'user_left', '- ' .. user, '{"user_id":"' .. user .. '"}')
  end
  redis.call('HDEL', prefix .. 'who:' .. room, user)
  if key then
    redis.call('PEXPIRE', key, STATUS_KEPT)
  end
end
