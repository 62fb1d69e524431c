#!/usr/bin/env bash
# What a day looks like with 10,000 people on one gateway.
about="10,000 people on one gateway, who are as on a day."
clients=10000 seconds=60 gateways=1 rounds=1 connect_rate=2000
# shellcheck source=loadtest/stage.sh
. "$(dirname "${BASH_SOURCE[0]}")/stage.sh"

set_stage "$@"
play 10k mixed --clients "$clients" --seconds "$seconds"
end_stage
