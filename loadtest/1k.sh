#!/usr/bin/env bash
# What a day looks like with 1,000 people on one gateway.
about="1,000 people as on a day: 80 of 100 are idle, 15 talk in rooms of ten, and 5 ask the AI."
clients=1000 seconds=60 gateways=1 rounds=1 connect_rate=500
# shellcheck source=loadtest/stage.sh
. "$(dirname "${BASH_SOURCE[0]}")/stage.sh"

set_stage "$@"
play 1k mixed --clients "$clients" --seconds "$seconds"
end_stage
