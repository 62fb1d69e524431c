#!/usr/bin/env bash
# Every scenario for some seconds: whether it goes well, and no figure.
about="Every scenario for some seconds, one after another, on two gateways: for correctness only."
clients=200 seconds=3 gateways=2 rounds=1 connect_rate=500
# shellcheck source=loadtest/stage.sh
. "$(dirname "${BASH_SOURCE[0]}")/stage.sh"

set_stage "$@"
play each-connect connect --clients "$clients" --hold "$seconds"
play each-fanout fanout --subscribers "$clients" --rate 20 --seconds "$seconds" --warm-up 1
play each-rooms rooms --rooms $((clients / 2)) --rate 100 --seconds "$seconds" --warm-up 1
# No figure, but what the stage has to allow: that all are answered at once.
wanted=(--goal "replies that stream at once>=$((clients / 2))")
play each-chat chat --clients "$clients" --words 60 --seconds "$seconds"
play each-storm storm --clients "$clients"
play each-mixed mixed --clients "$clients" --seconds "$seconds" --warm-up 1 --speak-every 2 --ask-after 2
play each-soak soak --clients "$clients" --minutes 0.05 --warm-up 0.02 --speak-every 2 --ask-after 2
end_stage
