#!/usr/bin/env bash
# Starts a program as a container of a pod is started: with an address and ports of its own, in a
# read-only root that holds the program and the libraries of this system and no shell, as a
# user that may nothing, and with no more in its environment than it is told.
#
#   pod.sh NAME ADDRESS ROOT UID PROGRAM MOUNT... -- VARIABLE=VALUE... -- ARGUMENT...
#
# ROOT is an empty folder. A MOUNT is SOURCE:PATH, read-only. NAME stands for a network whose
# bridge "pods" is there, as sandbox.sh makes it.
set -euo pipefail
name=$1 address=$2 root=$3 user=$4 program=$5

if [ -z "${POD_HAS_NETWORK:-}" ]; then
  link=pod${address##*.}
  ip netns add "$name"
  ip link add "$link" type veth peer name eth0 netns "$name"
  ip link set "$link" master pods up
  ip -n "$name" link set lo up
  ip -n "$name" address add "$address/24" dev eth0
  ip -n "$name" link set eth0 up
  POD_HAS_NETWORK=yes exec nsenter --net="/run/netns/$name" unshare --mount bash "$0" "$@"
fi
shift 5

mount -t tmpfs pod "$root"
# bind SOURCE PATH: the file or folder, at a path of the pod
bind() {
  local at=$root$2
  if [ -d "$1" ]; then
    mkdir -p "$at"
  else
    mkdir -p "${at%/*}"
    touch "$at"
  fi
  mount --rbind "$1" "$at"
  # What this system has mounted below stays as it is.
  [ -z "${3:-}" ] || mount -o remount,bind,ro "$at"
}
for folder in /lib /lib64; do
  if [ -L "$folder" ]; then cp -P "$folder" "$root$folder"; elif [ -d "$folder" ]; then bind "$folder" "$folder" ro; fi
done
for folder in /usr/lib /usr/lib64 /etc/ssl/certs /usr/share/ca-certificates; do
  [ ! -d "$folder" ] || bind "$folder" "$folder" ro
done
[ ! -f /etc/nsswitch.conf ] || bind /etc/nsswitch.conf /etc/nsswitch.conf ro
for device in null zero random urandom; do bind "/dev/$device" "/dev/$device"; done
bind /proc /proc
setpriv=$(command -v setpriv)
bind "$setpriv" /setpriv ro
bind "$program" "/usr/local/bin/${program##*/}" ro
while [ "$1" != -- ]; do bind "${1%%:*}" "${1#*:}" ro; shift; done
shift
variables=()
while [ "$1" != -- ]; do variables+=("$1"); shift; done
shift
mount -o remount,bind,ro "$root"

# The second setpriv is the pod's own: who becomes another user is no longer tied to its parent.
exec env -i "${variables[@]}" "$setpriv" --no-new-privs "$(command -v unshare)" --user --map-user="$user" \
  --map-group="$user" --root="$root" --wd=/ /setpriv --pdeathsig KILL -- "/usr/local/bin/${program##*/}" "$@"
