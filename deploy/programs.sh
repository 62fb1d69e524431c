# shellcheck shell=bash
# Sourced by ./cluster and the scripts of loadtest/: starts programs, and waits for them.
#
# Expects die, which says why and exits. Gives:
#   is_taken PORT              does somebody listen there?
#   start COMMAND...           in the background; sets pid
#   start_redis PORT FOLDER    the same for a Redis with an append-only file in FOLDER
#   wait_redis PORT            until it listens
#   ask PORT PATH              prints the first line of what an HTTP server answers
#   wait_ready NAME PID PORT   until the program whose admin port this is says so

is_taken() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# In a session of its own, so that Ctrl-C reaches the script only, which then ends
# things in good order; and the kernel ends it if the script is killed.
start() {
  setsid setpriv --pdeathsig KILL "$@" </dev/null &
  pid=$!
}

start_redis() {
  start "$(redis_server)" --port "$1" --bind 127.0.0.1 --dir "$2" \
    --save "" --appendonly yes --maxmemory-policy noeviction --logfile redis.log "${@:3}"
  redis=$pid redis_log=$2/redis.log
}

wait_redis() {
  local deadline=$((SECONDS + 10))
  until is_taken "$1"; do
    kill -0 "$redis" 2>/dev/null || die "Redis ended: $(tail -3 "$redis_log" 2>&1)"
    [ $SECONDS -lt $deadline ] || die "Redis does not listen within 10 s"
    sleep 0.1
  done
}

ask() {
  local line=""
  { exec 3<>"/dev/tcp/127.0.0.1/$1"; } 2>/dev/null || return 1
  printf 'GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' "$2" >&3
  IFS= read -r -t 2 line <&3
  exec 3>&-
  echo "$line"
}

wait_ready() {
  local deadline=$((SECONDS + 30))
  until [[ $(ask "$3" /health/ready) == *" 200 "* ]]; do
    kill -0 "$2" 2>/dev/null || die "$1 ended; its last lines say why"
    [ $SECONDS -lt $deadline ] || die "$1 is not ready within 30 s"
    sleep 0.1
  done
}
