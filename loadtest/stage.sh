# shellcheck shell=bash
# Sourced by the scripts beside it: a stage for scenarios, which is a private Redis,
# brokers, gateways, and processes of clients.
#
# A script sets what it needs and calls these:
#   $about            what it measures; for --help
#   $clients          how many
#   $seconds          for how long
#   $gateways         how many; also of the processes of clients
#   $connect_rate     clients that come in within a second, over all processes
#   $rounds           how often it is played
#   $broker_settings  an array of NAME=VALUE
#   $tls              not empty where clients come over TLS
#   set_stage "$@"    reads flags, which may change these, and starts the servers
#   goals FIGURE<=NUMBER...
#                     what the next play has to come to; nothing where flags make it
#                     smaller or shorter, or it is not optimised
#   play NAME SCENARIO ARGUMENT...
#                     lets the clients play; writes $folder/NAME.md, .svg, .html and .json, and
#                     returns what causerie-loadtest does. Its arguments must share
#                     $clients among processes, as --part does
#   end_stage         prints where the reports are; exits with 3 if not all went well, and
#                     with 4 if a goal was missed
#
# shellcheck disable=SC2154
set -uo pipefail
script=loadtest/$(basename "$0")
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 2
root=$PWD
# shellcheck source=deploy/tools.sh
. deploy/tools.sh
# shellcheck source=deploy/programs.sh
. deploy/programs.sh
# shellcheck source=loadtest/hosts.sh
. loadtest/hosts.sh

die() { echo "$script: $*" >&2; exit 1; }

usage() {
  cat <<TXT
usage: $script [--seconds N] [--clients N] [--gateways N] [--rounds N]
       [--folder FOLDER] [--debug | --programs FOLDER] [--hosts HOST,HOST… --address ADDRESS]

$about

  --seconds N        how long is measured (default $seconds)
  --clients N        how many clients there are (default $clients)
  --gateways N       how many gateways there are, and processes of clients (default
                     $gateways; more where they may not open files enough)
  --rounds N         how often it is done (default $rounds); goals are for medians
  --folder FOLDER    where the reports are written (default docs/reports)
  --debug            programs that are not optimised: for correctness only
  --programs FOLDER  start the programs that stand there, and build none
  --hosts HOST,HOST… gateways and clients run there, by ssh, one of each on each in
                     turn; Redis and the broker run here
  --address ADDRESS  where those hosts find this machine

Redis, gateways, broker and clients run as processes of their own on free ports, and
are gone when the script is. Nothing is held to goals with fewer --clients, --seconds or
--rounds, or with --debug.

Exit code: 0 all went well, 1 it could not be done, 2 wrong usage, 3 something was
lost, duplicated, out of order, wrong or refused, 4 a goal was missed.
TXT
}

folder=docs/reports programs="" profile=release address=127.0.0.1 bind=127.0.0.1 hosts=() words=()
is_small="" scheme=ws trust=()

read_flags() {
  local all_clients=$clients all_seconds=$seconds all_rounds=$rounds
  words=("$@")
  while [ $# -gt 0 ]; do
    case $1 in
      -h | --help) usage; exit 0 ;;
      --debug) profile=debug ;;
      --seconds | --clients | --gateways | --rounds | --folder | --programs | --hosts | --address)
        [ $# -ge 2 ] || { usage >&2; exit 2; }
        case $1 in
          --seconds | --clients | --gateways | --rounds)
            [[ $2 =~ ^[1-9][0-9]{0,6}$ ]] || die "$1: \"$2\" is no number from 1 on"
            printf -v "${1#--}" %s "$2"
            ;;
          --hosts) IFS=, read -ra hosts <<<"$2" ;;
          *) printf -v "${1#--}" %s "$2" ;;
        esac
        shift
        ;;
      *) usage >&2; exit 2 ;;
    esac
    shift
  done
  [ ${#hosts[@]} = 0 ] || [ "$address" != 127.0.0.1 ] ||
    die "--hosts: say with --address where those hosts find this machine"
  if [ $profile = debug ] || ((clients < all_clients || seconds < all_seconds || rounds < all_rounds)); then
    is_small=1
  fi
}

# --- programs ---------------------------------------------------------------

build() {
  if [ -z "$(redis_server)" ]; then
    echo "Getting a Redis into target/tools"
    fetch_redis || die "no redis-server >= 7 to be had"
  fi
  if [ -z "$programs" ]; then
    local how=(--release)
    [ $profile = release ] || how=()
    build_programs ${how[@]+"${how[@]}"} --bin causerie-gateway --bin causerie-broker \
      --bin causerie-loadtest --bin bare-send || exit 1
    programs=$(dirname "$tools")/$profile
  fi
  [ -x "$programs/causerie-loadtest" ] || die "--programs: there is no causerie-loadtest in $programs"
}

# As many as it takes for each process to open so many files.
spread() {
  local files needed
  files=$(ulimit -Hn)
  [ "$files" != unlimited ] || return 0
  needed=$(((clients + files - 301) / (files - 300)))
  if ((gateways < needed)); then
    echo "A process may open $files files here: $needed gateways, and as many processes of clients"
    gateways=$needed
  fi
}

# The first of a row of free ports, below those that the system gives to clients.
free_ports() { # HOW MANY
  local try first offset
  for try in {1..50}; do
    first=$((10000 + RANDOM % 20000))
    for ((offset = 0; offset < $1; offset++)); do
      ! is_taken $((first + offset)) || continue 2
    done
    echo "$first"
    return
  done
  die "no $1 free ports in a row after $try tries"
}

# --- servers ----------------------------------------------------------------

pids=() targets=() watched=() local_watch=()

set_stage() {
  read_flags "$@"
  build
  spread
  data=$(mktemp -d "${TMPDIR:-/tmp}/causerie-loadtest.XXXXXX") || exit 1
  trap finish EXIT
  trap 'exit 130' INT TERM HUP
  mkdir -p "$folder" "$data/redis" || exit 1
  port=$(free_ports $((2 * gateways + 2))) || exit 1
  local secret password number
  secret=$(random) password=$(random)
  if [ ${#hosts[@]} -gt 0 ]; then
    bind=0.0.0.0
    reach_hosts
  fi
  start_redis "$port" "$data/redis" --bind "$bind" --requirepass "$password" \
    --auto-aof-rewrite-min-size 256mb >"$data/redis.txt" 2>&1
  pids+=("$redis")
  wait_redis "$port"
  local url=redis://:$password@$address:$port
  export AUTH_JWT_SECRET=$secret
  settings=(REDIS_URL="$url" AUTH_JWT_SECRET="$secret" AUTH_VISITOR_SECRET="$secret"
    TENANTS='[{"id":"demo","hash":"demo"}]' TELEMETRY_LOG_LEVEL=warn WEBSOCKET_IDLE_TIMEOUT=7d
    LIMITS_EXEMPT=0.0.0.0/0,::/0)
  [ -z "${tls:-}" ] || take_tls
  local_watch=(--storage "redis=$redis" --redis "redis=$url")
  # All users are of one tenant.
  start_on "" broker-1 env "${settings[@]}" AI_MAX_CONCURRENT=20000 \
    AI_MAX_CONCURRENT_PER_TENANT=20000 ${broker_settings[@]+"${broker_settings[@]}"} \
    NODE_NAME=broker-1 ADMIN_PORT=$((port + 1)) "$programs/causerie-broker"
  local_watch+=(--server "broker-1=$pid")
  wait_ready broker-1 "$pid" $((port + 1))
  for ((number = 1; number <= gateways; number++)); do
    start_gateway "$number"
  done
}

# With a certificate of the gateway's own tests.
take_tls() {
  local certificates=gateway/tests/certificates
  [ ${#hosts[@]} = 0 ] || die "--hosts: there is only a certificate for this machine"
  settings+=(TLS_CERT_FILE="$certificates/localhost.crt" TLS_KEY_FILE="$certificates/pbkdf2.key"
    TLS_KEY_PASSPHRASE=open-sesame)
  scheme=wss trust=(--trust "$certificates/localhost.crt")
}

start_gateway() { # NUMBER
  local name=gateway-$1 own=$((port + 2 * $1)) on
  on=$(host_of "$1")
  start_on "$on" "$name" env "${settings[@]}" NODE_NAME="$name" WEBSOCKET_BIND="$bind" \
    WEBSOCKET_PORT="$own" ADMIN_PORT=$((own + 1)) "$(folder_of programs "$on")/causerie-gateway"
  watched[$1]=$name=$pid_there
  targets+=("$scheme://${on:-127.0.0.1}:$own")
  if [ -z "$on" ]; then
    wait_ready "$name" "$pid" $((own + 1))
  else
    wait_open "$name" "$pid" "$on" "$own"
  fi
}

random() { od -An -N16 -tx1 /dev/urandom | tr -d ' \n'; }

# --- clients ----------------------------------------------------------------

faulty="" missed="" wanted=()

goals() {
  local goal
  [ -z "$is_small" ] || return 0
  for goal in "$@"; do wanted+=(--goal "$goal"); done
}

play() {
  local name=$1 round runs=() floors=() code=0
  rm -f "$folder/$name.json" "$folder/$name.html" "$folder/$name.svg"
  for ((round = 1; round <= rounds; round++)); do
    ((rounds == 1)) || echo "$name, round $round of $rounds"
    play_once "$data/$name.$round.json" "$@"
    runs+=("$data/$name.$round.json")
    play_floor "$data/$name.$round.floor.json" "$2"
  done
  "$programs/causerie-loadtest" merge --runs "${runs[@]}" ${wanted[@]+"${wanted[@]}"} \
    ${floors[@]+"${floors[@]}"} \
    --json "$folder/$name.json" --report "$folder/$name.html" --markdown "$folder/$name.md" \
    --command "$script${words[*]:+ ${words[*]}}" || code=$?
  wanted=()
  case $code in
    0) ;;
    3) faulty=1 ;;
    4) missed=1 ;;
    *) die "$name has no report" ;;
  esac
  reports+=("$folder/$name.md")
  return $code
}

play_once() { # FILE NAME SCENARIO ARGUMENT...
  local sum=$1 name=$2 number on part all code watch begin=() players=() parts=() servers=("${pids[@]}")
  shift 2
  all=$(IFS=,; echo "${targets[*]}")
  # Whoever is in waits for the others until then.
  ((gateways == 1)) || begin=(--start-at $(($(date +%s) + clients * 2 / connect_rate + 8)))
  for ((number = 1; number <= gateways; number++)); do
    on=$(host_of "$number") part=$name-$number watch=()
    watch_from "$number"
    [ "$number" != 1 ] || is_shown=1
    start_on "$on" "$part" env AUTH_JWT_SECRET="$AUTH_JWT_SECRET" \
      "$(folder_of programs "$on")/causerie-loadtest" "$@" --target "$all" ${trust[@]+"${trust[@]}"} \
      --part "$number/$gateways" --connect-rate $((connect_rate / gateways + 1)) \
      ${begin[@]+"${begin[@]}"} ${watch[@]+"${watch[@]}"} --json "$(folder_of data "$on")/$part.json"
    is_shown=""
    players+=("$pid")
  done
  for ((number = 1; number <= gateways; number++)); do
    on=$(host_of "$number") part=$name-$number code=0
    wait "${players[$((number - 1))]}" || code=$?
    [ $code = 0 ] || [ $code = 3 ] || die "$part could not be done"
    [ -z "$on" ] || fetch_from "$on" "$part.json"
    parts+=("$data/$part.json")
  done
  # Nobody else who is given these ids later is to be killed in the end.
  pids=("${servers[@]}")
  # Whether all went well is said of all rounds together.
  "$programs/causerie-loadtest" merge "${parts[@]}" --json "$sum" >/dev/null || [ $? = 3 ] ||
    die "$name: what its processes found does not belong together"
}

# What a send costs the least that a server can do, in the same minutes; adds it to floors.
# Not where nothing is delivered, nor where the gateways are on other machines.
play_floor() { # FILE SCENARIO
  local own subscribers=$((clients < 1000 ? clients : 1000)) servers=("${pids[@]}") floor deadline
  [ ${#hosts[@]} = 0 ] && [ "$2" != connect ] && [ -x "$programs/bare-send" ] || return 0
  own=$(free_ports 1) || exit 1
  start "$programs/bare-send" "$own" >/dev/null
  floor=$pid pids+=("$pid") deadline=$((SECONDS + 10))
  until is_taken "$own"; do
    [ $SECONDS -lt $deadline ] || die "bare-send does not listen within 10 s"
    sleep 0.1
  done
  "$programs/causerie-loadtest" fanout --dialect floor --subscribers "$subscribers" --rate 20 \
    --warm-up 1 --seconds 3 --target "ws://127.0.0.1:$own" --server "bare-send=$floor" \
    --json "$1" >/dev/null || die "the floor could not be measured"
  kill -KILL "$floor"
  wait "$floor" 2>/dev/null
  pids=("${servers[@]}")
  floors+=(--floor "$1")
}

# The first process of clients on a machine looks at what runs there; sets watch.
watch_from() { # NUMBER
  local other
  if ((${#hosts[@]} == 0)); then
    (($1 == 1)) || return 0
    watch=("${local_watch[@]}")
  elif (($1 > ${#hosts[@]})); then
    return 0
  fi
  for other in "${!watched[@]}"; do
    [ "$(host_of "$other")" != "$(host_of "$1")" ] || watch+=(--server "${watched[$other]}")
  done
}

# --- the end ----------------------------------------------------------------

reports=()

end_stage() {
  printf '\nReports: %s\n' "${reports[*]}"
  [ -z "$faulty" ] || exit 3
  [ -z "$missed" ] || exit 4
  exit 0
}

# shellcheck disable=SC2317 # called by a trap
finish() {
  local code=$? pid said
  trap '' INT TERM HUP
  if [ $code = 1 ]; then
    for said in "$data"/*.txt; do
      [ ! -s "$said" ] || tail -3 "$said" | sed "s/^/$(basename "$said" .txt) | /" >&2
    done
  fi
  # Nobody is left who would have to be told: nothing is gained by leaving slowly.
  for pid in "${pids[@]}"; do kill -KILL "$pid" 2>/dev/null; done
  for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null; done
  leave_hosts
  rm -rf "$data"
  exit "$code"
}
