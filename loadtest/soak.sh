#!/usr/bin/env bash
# Whether memory grows while people come and talk for long.
about="1,000 people who talk and ask a lot for half an hour, after ten minutes to warm up: whether
the servers' memory grows is said with its 95 % confidence interval."
clients=1000 seconds=1800 gateways=1 rounds=1 connect_rate=500
# shellcheck source=loadtest/stage.sh
. "$(dirname "${BASH_SOURCE[0]}")/stage.sh"

set_stage "$@"
minutes() { awk "BEGIN { print $1 / 60 }"; }
goals "memory of the servers grows at the least (95 %), MiB an hour<=0" \
  "memory of the servers grows at the most (95 %), MiB an hour<=1"
# A gateway keeps the last 128 events of each room. All rooms in which somebody speaks or asks
# are to have had so many before it is measured, or what is seen is how they fill up.
play soak soak --clients "$clients" --speak-every 4 --ask-after 10 \
  --minutes "$(minutes "$seconds")" --warm-up "$(minutes $((seconds / 3)))"
end_stage
