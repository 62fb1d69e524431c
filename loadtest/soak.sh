#!/usr/bin/env bash
# Whether memory grows while people come and talk for long.
about="1,000 people as on a day for half an hour, after five minutes to warm up: whether the
servers' memory grows is said with its 95 % confidence interval."
clients=1000 seconds=1800 gateways=1 connect_rate=500
# shellcheck source=loadtest/stage.sh
. "$(dirname "${BASH_SOURCE[0]}")/stage.sh"

set_stage "$@"
minutes() { awk "BEGIN { print $1 / 60 }"; }
play soak soak --clients "$clients" --minutes "$(minutes "$seconds")" --warm-up "$(minutes $((seconds / 6)))"
end_stage
