#!/usr/bin/env bash
# How fast people come in.
about="10,000 people who come to one gateway twice as fast as it has to let them in, and then are
idle. --seconds is how long."
clients=10000 seconds=5 gateways=1 rounds=5 connect_rate=6000
# shellcheck source=loadtest/stage.sh
. "$(dirname "${BASH_SOURCE[0]}")/stage.sh"

set_stage "$@"
goals "connections a second>=3000"
play connect connect --clients "$clients" --hold "$seconds"
end_stage
