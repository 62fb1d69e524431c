-- All API keys of the partition. Answers {id, what is kept, when it was used or '', …}.

local keys = redis.call('HGETALL', prefix .. 'keys')
local answer = {}
for i = 1, #keys, 2 do
  local used = redis.call('HGET', prefix .. 'keys_used', keys[i])
  answer[#answer + 1] = { keys[i], keys[i + 1], used or '' }
end
return answer
