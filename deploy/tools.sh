# shellcheck shell=bash
# Sourced by ./test, ./cluster, ./chaos, deploy/bare-debian, client/run and the scripts of loadtest,
# gateway/tests/hostile and testkit/providers: gets what they need into target/tools, never into the
# system, without root and without starting a service.
#
# Expects $root, the repository's top folder. Gives:
#   $tools          the folder
#   retry           runs a command up to three times
#   build_programs  builds programs, with cargo's arguments
#   fetch_redis     redis-server and redis-cli, into $tools/bin
#   redis_server    prints the path of a redis-server >= 7, or nothing
#   fetch_prometheus  prometheus and promtool, into $tools/bin
#   prometheus      prints the folder of both, or nothing
#   fetch_faketime  libfaketime, which shows a program another time
#   faketime        prints the path of that library, or nothing
#   fetch_kubectl   kubectl, into $tools/bin
#   kubectl_program prints the path of a kubectl that knows what our manifests use, or nothing
#   fetch_kubernetes_schema  what Kubernetes takes, field by field
#   kubernetes_schema  prints the path of that file, or nothing

tools=${CARGO_TARGET_DIR:-${root:?}/target}/tools

# Three tries: a mirror that hangs once is no reason to fail.
retry() {
  local try
  for try in 1 2 3; do
    "$@" && return 0
    [ "$try" = 3 ] || { echo "  try $try of 3 failed, once more" >&2; sleep "$try"; }
  done
  return 1
}

# Another choice of packages or targets gives the dependencies other features, so that nearly all
# is compiled once more. Where the suite rust runs as well, which builds everything, each of the others
# builds the same, so that this is done once.
build_programs() {
  if [ -n "${CAUSERIE_BUILD_ALL:-}" ]; then
    case " $* " in
      *" --release "*) ;;
      *" --quiet "*) set -- --quiet --workspace --all-targets ;;
      *) set -- --workspace --all-targets ;;
    esac
  fi
  cargo build --locked "$@"
}

# apt-get with state and cache of its own, so that an ordinary user may run it.
own_apt() {
  local state=$tools/apt
  mkdir -p "$state/lists/partial" "$state/cache/archives/partial"
  # Hooks of the system tidy the system's own folders, which an ordinary user may not.
  printf '#clear APT::Update::Post-Invoke;\n#clear APT::Update::Post-Invoke-Success;\n' >"$state/apt.conf"
  apt-get --config-file="$state/apt.conf" -qq \
    -o Dir::State::lists="$state/lists" -o Dir::Cache="$state/cache" \
    -o Debug::NoLocking=1 -o APT::Sandbox::User=root \
    -o Acquire::Retries=3 -o Acquire::http::Timeout=30 -o Acquire::https::Timeout=30 "$@"
}

# Unpacks Debian packages, with those they depend on that this system lacks,
# into $1 (a new folder). Usage: unpack_debian FOLDER PACKAGE...
unpack_debian() {
  local into=$1 needed deb downloads
  shift
  if ! command -v apt-get >/dev/null || ! command -v dpkg-deb >/dev/null; then
    echo "  no apt-get and dpkg-deb here: put $* on your PATH yourself" >&2
    return 1
  fi
  downloads=$tools/apt/downloads
  rm -rf "$into" "$downloads"
  mkdir -p "$downloads"
  retry own_apt update || return 1
  needed=$(own_apt -s --no-install-recommends install "$@" | awk '/^Inst /{print $2}') || return 1
  # A package that is installed here, but without what we look for, is still wanted.
  # shellcheck disable=SC2086
  needed=$(printf '%s\n' "$@" $needed | sort -u)
  # shellcheck disable=SC2086
  (cd "$downloads" && retry own_apt download $needed) || return 1
  mkdir -p "$into"
  for deb in "$downloads"/*.deb; do
    dpkg-deb -x "$deb" "$into" || return 1
  done
  rm -rf "$downloads"
}

# Is this redis-server new enough for sharded pub/sub?
is_redis_7() {
  local version
  version=$("$1" --version 2>/dev/null | sed -n 's/.*v=\([0-9]*\)\..*/\1/p')
  [ "${version:-0}" -ge 7 ]
}

# The server to use: the caller's choice, ours, the system's.
redis_server() {
  local candidate
  for candidate in "${CAUSERIE_REDIS_SERVER:-}" "$tools/bin/redis-server" "$(command -v redis-server)"; do
    if [ -n "$candidate" ] && [ -x "$candidate" ] && is_redis_7 "$candidate"; then
      echo "$candidate"
      return
    fi
  done
}

# A program of an unpacked package needs the libraries that were unpacked with it.
wrap() {
  local name=$1 program=$2 libraries
  libraries=$(cd "$tools/redis" && find . -name '*.so.*' -printf '%h\n' | sort -u | sed 's|^\.|$here/redis|' | paste -sd:)
  mkdir -p "$tools/bin"
  cat >"$tools/bin/$name" <<WRAPPER
#!/bin/sh
here=\$(dirname "\$(dirname "\$(readlink -f "\$0")")")
LD_LIBRARY_PATH="$libraries\${LD_LIBRARY_PATH:+:\$LD_LIBRARY_PATH}" exec "\$here/redis/usr/bin/$program" "\$@"
WRAPPER
  chmod +x "$tools/bin/$name"
}

fetch_redis() {
  # On Debian the server's binary is in redis-tools, under the name of the
  # checking tool: it looks at the name it is called by.
  unpack_debian "$tools/redis" redis-tools || return 1
  ln -sf redis-check-rdb "$tools/redis/usr/bin/redis-server"
  wrap redis-server redis-server
  wrap redis-cli redis-cli
  if ! is_redis_7 "$tools/bin/redis-server"; then
    echo "  the redis-tools of this system hold no Redis 7: put a redis-server >= 7 on your PATH" >&2
    rm -rf "$tools/redis" "$tools/bin/redis-server" "$tools/bin/redis-cli"
    return 1
  fi
}

fetch_prometheus() {
  local into=$tools/prometheus
  # It needs none of the packages that its own depends on: those are for a service.
  rm -rf "$into"
  mkdir -p "$into" "$tools/bin"
  retry own_apt update || return 1
  (cd "$into" && retry own_apt download prometheus && dpkg-deb -x prometheus_*.deb . && rm prometheus_*.deb) || return 1
  ln -sf ../prometheus/usr/bin/prometheus ../prometheus/usr/bin/promtool "$tools/bin/"
}

# The folder of prometheus and promtool: ours, the system's; nothing where there is none.
prometheus() {
  local program
  for program in "$tools/bin/prometheus" "$(command -v prometheus)"; do
    if [ -x "$program" ] && [ -x "${program%/*}/promtool" ]; then
      echo "${program%/*}"
      return
    fi
  done
}

fetch_faketime() { unpack_debian "$tools/faketime" libfaketime; }

# The caller's choice, ours, the system's. The one for programs of many threads.
faketime() {
  local candidate
  for candidate in "${CAUSERIE_LIBFAKETIME:-}" {"$tools/faketime",}/usr/lib{/*,,64}/faketime/libfaketimeMT.so.1; do
    if [ -f "$candidate" ]; then
      echo "$candidate"
      return
    fi
  done
}

# The version of kubectl, of its kustomize, and of the schema.
kubernetes=1.32

# Debian 12's own is years too old; that of Debian 13 needs no newer library. apt takes it from
# the mirror that this system has, and checks it by Debian's signature as it does everything.
fetch_kubectl() {
  local into=$tools/kubectl list=$tools/apt/kubectl.list key=/usr/share/keyrings/debian-archive-keyring.gpg
  local from=(-o "Dir::Etc::SourceList=$list" -o Dir::Etc::SourceParts=/dev/null -o "Dir::State::Lists=$tools/apt/kubectl")
  local mirror
  retry own_apt update || return 1
  # shellcheck disable=SC2016
  mirror=$(own_apt indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' 'Label: Debian' | head -n 1)
  if [ -z "$mirror" ]; then
    echo "  apt knows no mirror of Debian here: put a kubectl of version 1.27 or newer on your PATH yourself" >&2
    return 1
  fi
  rm -rf "$into"
  mkdir -p "$into" "$tools/bin" "$tools/apt/kubectl/partial"
  echo "deb [signed-by=$key] $mirror trixie main" >"$list"
  retry own_apt "${from[@]}" update || return 1
  (cd "$into" && retry own_apt "${from[@]}" download "kubectl=$kubernetes.*" && dpkg-deb -x kubectl_*.deb . && rm kubectl_*.deb) || return 1
  ln -sf ../kubectl/usr/bin/kubectl "$tools/bin/kubectl"
}

# The caller's choice, ours, the system's.
kubectl_program() {
  local candidate
  for candidate in "${CAUSERIE_KUBECTL:-}" "$tools/bin/kubectl" "$(command -v kubectl)"; do
    if [ -x "$candidate" ] && "$candidate" version --client 2>/dev/null | grep -q '^Kustomize Version: v5'; then
      echo "$candidate"
      return
    fi
  done
}

# Of the Python package that validates by it, one file: nothing of it is installed, or run.
fetch_kubernetes_schema() {
  local into=$tools/kubernetes
  local wheel=kubernetes_validate-$kubernetes.0-py3-none-any.whl
  rm -rf "$into"
  mkdir -p "$into"
  echo "kubernetes-validate==$kubernetes.0" \
    --hash=sha256:0d5610622bd9c8fdea67f114faf4dc71fda755c9640e58a1ad9f4bc13c8b7751 >"$into/requirements.txt"
  retry python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: \
    --require-hashes --requirement "$into/requirements.txt" --dest "$into" || return 1
  python3 -c 'import sys, zipfile; sys.stdout.buffer.write(zipfile.ZipFile(sys.argv[1]).read(sys.argv[2]))' \
    "$into/$wheel" "kubernetes_validate/kubernetes-json-schema/v$kubernetes.0-local-strict/_definitions.json" \
    >"$into/schema.json" || { rm -f "$into/schema.json"; return 1; }
  rm "$into/$wheel"
}

kubernetes_schema() {
  [ ! -s "$tools/kubernetes/schema.json" ] || echo "$tools/kubernetes/schema.json"
}
