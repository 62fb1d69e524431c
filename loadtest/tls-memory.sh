#!/usr/bin/env bash
# What a connection over TLS takes while nothing goes over it.
about="The memory that an idle connection over TLS takes of one gateway: what it grew by between 5,000 and
19,000 people, each in the tenant's room, in their own and in one of 100, at rest for --seconds. It is done
once: a gateway that has had them keeps memory for them."
clients=19000 seconds=20 gateways=1 rounds=1 connect_rate=1000 tls=1
# shellcheck source=loadtest/stage.sh
. "$(dirname "${BASH_SOURCE[0]}")/stage.sh"

set_stage "$@"
goals "memory of the servers for each connection, KiB<=9"
play tls-memory connect --clients "$clients" --plateau $((clients * 5 / 19)) --hold "$seconds"
end_stage
