#!/usr/bin/env bash
# All lose their connections at once, and come back.
about="10,000 people who lose their connections at once, come back, and miss nothing of what was
said meanwhile. --seconds is how long they have for that."
clients=10000 seconds=60 gateways=1 rounds=5 connect_rate=2000
# shellcheck source=loadtest/stage.sh
. "$(dirname "${BASH_SOURCE[0]}")/stage.sh"

set_stage "$@"
goals "until all were back, s<=4"
play storm storm --clients "$clients" --patience "$seconds"
end_stage
