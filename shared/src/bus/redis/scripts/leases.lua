-- All leases of the partition. Answers {id, what `show_beat` wrote, …}.

return redis.call('HGETALL', prefix .. 'beats')
