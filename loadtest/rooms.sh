#!/usr/bin/env bash
# As many messages a second as there are people: 1,000, and 10,000.
about="People in rooms of two, each of whom says something each second: first a tenth of --clients,
then all. One gateway, and all goes through Redis."
clients=10000 seconds=30 gateways=1 rounds=5 connect_rate=2000
# shellcheck source=loadtest/stage.sh
. "$(dirname "${BASH_SOURCE[0]}")/stage.sh"

set_stage "$@"
few=$((clients / 10))
goals "Delivery, p50, ms<=50" "Delivery, p95, ms<=100" "Delivery, p99, ms<=250"
play rooms-few rooms --rooms $((few / 2)) --rate "$few" --seconds "$seconds"
# Seven tenths of four cores.
goals "Delivery, p50, ms<=100" "Delivery, p95, ms<=250" "Delivery, p99, ms<=500" \
  "CPU of the servers, cores<=2.8" "memory of the servers at the most, MiB<=500"
play rooms rooms --rooms $((clients / 2)) --rate "$clients" --seconds "$seconds"
end_stage
