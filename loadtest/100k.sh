#!/usr/bin/env bash
# What a day looks like with 100,000 people on five gateways.
about="100,000 people on five gateways, played by five processes, on this machine or on several."
clients=100000 seconds=60 gateways=5 rounds=1 connect_rate=2500
# shellcheck source=loadtest/stage.sh
. "$(dirname "${BASH_SOURCE[0]}")/stage.sh"

set_stage "$@"
# Calmer than 1,000 are: all of it may have to fit one machine.
play 100k mixed --clients "$clients" --seconds "$seconds" --speak-every 120 --ask-after 240
end_stage
