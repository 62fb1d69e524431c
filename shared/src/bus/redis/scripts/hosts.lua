-- Shows for each of several partitions that a host lives. Answers {by what Redis names
-- its data, {host, beats …} for each}; without any where there are no hosts.

if not is_anywhere('hosts') then
  return { replid() }
end
local hosts = of_each(function()
  local key, own = prefix .. 'hosts', arg()
  local beats = own ~= '' and redis.call('HGET', key, own)
  if beats and beats ~= 'dead' then
    redis.call('HSET', key, own, text_of(tonumber(beats) + 1))
  end
  return redis.call('HGETALL', key)
end)
return { replid(), unpack(hosts) }
