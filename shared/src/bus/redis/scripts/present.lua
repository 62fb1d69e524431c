-- Some of those who are in a room. Answers {where to go on, user, what is kept, …}.

local room, cursor, count = arg(), arg(), arg()

local page = redis.call('HSCAN', prefix .. 'who:' .. room, cursor, 'COUNT', count)
return { page[1], unpack(page[2]) }
