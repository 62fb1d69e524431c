-- For scripts that do something for each of several: Redis is called once for all,
-- which costs it more than most of what is done. What follows the first arguments
-- is for each: the prefix of its partition, how many arguments it has, and these.

-- Answers what `act`, which takes the arguments of one, answers for each.
local function of_each(act)
  local answers = {}
  while taken < #ARGV do
    prefix = arg()
    local count = number_arg()
    local last = taken + count
    answers[#answers + 1] = act()
    taken = last
  end
  return answers
end
