#!/usr/bin/env bash
# 2,000 replies that stream at once.
about="2,200 people who each read one reply after another, at 30 words a second, from one broker: 2,000 at once.
It and the gateway have two threads each: with as many as there are cores all are in each other's way."
clients=2200 seconds=60 gateways=1 rounds=5 connect_rate=1000
broker_settings=(AI_ECHO_TOKENS_PER_SECOND=30)
# shellcheck source=loadtest/stage.sh
. "$(dirname "${BASH_SOURCE[0]}")/stage.sh"

export TOKIO_WORKER_THREADS=2
set_stage "$@"
# Some wait for the first word of their next one.
goals "replies that stream at once>=2000" \
  "Piece of a reply, later than the AI said it, p99, ms<=100" "CPU of the servers, cores<=1.5"
play chat chat --clients "$clients" --seconds "$seconds" --tokens-per-second 30
end_stage
