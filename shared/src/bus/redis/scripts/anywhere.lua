-- For scripts that look at each of several partitions.

-- Whether any of them has a key of one of these names: where nothing happens a
-- single call tells.
local function is_anywhere(...)
  local keys = {}
  local at = taken + 1
  while at < #ARGV do
    for _, name in ipairs({ ... }) do
      keys[#keys + 1] = ARGV[at] .. name
    end
    at = at + 2 + tonumber(ARGV[at + 1])
  end
  return redis.call('EXISTS', unpack(keys)) > 0
end
