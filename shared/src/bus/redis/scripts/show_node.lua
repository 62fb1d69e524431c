-- Notes how a node fares, or that it is about to end. Answers {1 where it is the watcher,
-- {alert, what it is, …}, {node, when and how it fared, …}}.

local node, card = arg(), arg()
local may_watch = number_arg() == 1
local watch_for, forgotten = arg(), number_arg()

local nodes, watch = prefix .. 'nodes', prefix .. 'watcher'
local watcher = redis.call('GET', watch)
if card == '' then
  redis.call('HDEL', nodes, node)
  if watcher == node then
    redis.call('DEL', watch)
  end
  watcher = nil
else
  redis.call('HSET', nodes, node, now .. ' ' .. card)
  if may_watch and (not watcher or watcher == node) then
    redis.call('SET', watch, node, 'PX', watch_for)
    watcher = node
  end
end

local shown = {}
local all = redis.call('HGETALL', nodes)
for i = 1, #all, 2 do
  if tonumber(string.match(all[i + 1], '^%d+') or 0) + forgotten < now_ms then
    redis.call('HDEL', nodes, all[i])
  else
    shown[#shown + 1] = all[i]
    shown[#shown + 1] = all[i + 1]
  end
end
return { watcher == node and 1 or 0, redis.call('HGETALL', prefix .. 'alerts'), shown }
