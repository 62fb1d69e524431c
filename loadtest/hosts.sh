# shellcheck shell=bash
# Sourced by stage.sh: starts programs here or, by ssh, on other machines.
#
# Gives:
#   host_of NUMBER              prints the host of a gateway and its clients; empty: here
#   start_on HOST NAME COMMAND  in the background; sets pid, which is here, and
#                               pid_there. What it says goes to $data/NAME.txt; where
#                               is_shown is set, its errors go to the terminal
#   wait_open NAME PID HOST PORT   until somebody listens there
#   folder_of programs|data HOST   prints where these are on a host
#   reach_hosts, leave_hosts    bring the programs there, and take all away again
#   fetch_from HOST FILE        brings a file of the data here
#
# shellcheck disable=SC2154

ssh_options=(-o BatchMode=yes -o ConnectTimeout=10)
declare -A folders_there=()
is_shown="" alive=""

# shellcheck disable=SC2029 # what expands does so here, on purpose
on_host() { ssh "${ssh_options[@]}" "$@"; }

host_of() {
  [ ${#hosts[@]} = 0 ] || echo "${hosts[$((($1 - 1) % ${#hosts[@]}))]}"
}

folder_of() {
  if [ -n "$2" ]; then
    echo "${folders_there[$2]}"
  else
    echo "${!1}"
  fi
}

# Says its id and runs a command, which ends with it when nothing holds its standard
# input open any more: when the script ended, however it did, or the link is cut. In one line:
# other ends of lines are quoted in a way that not every shell there understands.
# shellcheck disable=SC2016 # expands there
leashed='exec 3<&0; "$@" </dev/null & id=$!; echo "pid $id"; '
# shellcheck disable=SC2016
leashed+='{ cat <&3; kill -KILL $id; } >/dev/null 2>&1 & watch=$!; '
# shellcheck disable=SC2016
leashed+='wait $id; code=$?; kill $watch 2>/dev/null; exit $code'

start_on() {
  local on=$1 name=$2 said=$data/$2.txt
  shift 2
  [ -z "$on" ] || set -- ssh "${ssh_options[@]}" "$on" "$(printf '%q ' sh -c "$leashed" sh "$@")"
  if [ -z "$on" ] && [ -n "$is_shown" ]; then
    start "$@" >"$said"
  elif [ -z "$on" ]; then
    start "$@" >"$said" 2>&1
  else
    setsid setpriv --pdeathsig KILL "$@" <"$alive" 8>&- >"$said" 2>&1 &
    pid=$!
  fi
  pids+=("$pid")
  pid_there=$pid
  [ -z "$on" ] || wait_pid "$name" "$said"
}

# shellcheck disable=SC2034 # stage.sh uses it
wait_pid() { # NAME FILE; sets pid_there
  local deadline=$((SECONDS + 20)) word
  until { read -r word pid_there <"$2"; } 2>/dev/null && [ "$word" = pid ]; do
    kill -0 "$pid" 2>/dev/null || die "$1 could not be started"
    [ $SECONDS -lt $deadline ] || die "$1 is not started within 20 s"
    sleep 0.1
  done
}

wait_open() {
  local deadline=$((SECONDS + 30))
  until (exec 3<>"/dev/tcp/$3/$4") 2>/dev/null; do
    kill -0 "$2" 2>/dev/null || die "$1 ended"
    [ $SECONDS -lt $deadline ] || die "$1 does not listen on $3:$4 within 30 s"
    sleep 0.1
  done
}

reach_hosts() {
  local host program
  # The script alone holds it open for writing.
  alive=$data/alive
  mkfifo "$alive" && exec 8<>"$alive"
  for host in "${hosts[@]}"; do
    [ -z "${folders_there[$host]:-}" ] || continue
    folders_there[$host]=$(on_host "$host" mktemp -d </dev/null) || die "cannot reach $host by ssh"
    for program in causerie-gateway causerie-loadtest; do
      on_host "$host" "cat >'${folders_there[$host]}/$program' && chmod +x '${folders_there[$host]}/$program'" \
        <"$programs/$program" || die "cannot copy $program to $host"
    done
  done
}

# shellcheck disable=SC2317 # called by a trap
leave_hosts() {
  local host
  for host in "${!folders_there[@]}"; do
    on_host "$host" "rm -rf '${folders_there[$host]}'" </dev/null
  done
}

fetch_from() {
  on_host "$1" "cat '${folders_there[$1]}/$2'" </dev/null >"$data/$2" || die "cannot fetch $2 from $1"
}
