# For every end-to-end case: where things are, and how to say that something must hold. Sourced with `set -eu`.
#
#   COOPER      the program            WORK   a fresh directory of this case, removed afterwards
#   COOPER_ROOT the store              ROLE   root, or user (a plain user with sub-ids)
#   SOURCE      the project            SHARED made by the set-up: debian.tar (a debootstrap base), readable by all

fail() { echo "FAILED: $*" >&2; exit 1; }
equal() { [ "$1" = "$2" ] || fail "${3:-values}: '$1' is not '$2'"; }
contains() { case "$1" in *"$2"*) ;; *) fail "'$2' is not in: $1" ;; esac; }
lacks() { case "$1" in *"$2"*) fail "'$2' is in: $1" ;; *) ;; esac; }

# exits CODE COMMAND...: the command must end with just that code; its output goes to $WORK/out and $WORK/err.
exits() {
  local wanted=$1 got=0
  shift
  "$@" >"$WORK/out" 2>"$WORK/err" || got=$?
  [ "$got" = "$wanted" ] || { cat "$WORK/out" "$WORK/err" >&2; fail "exit code $got, not $wanted: $*"; }
}

# row ID...: the statements from here on show these rows of tests/conformance/rows.txt.
row() { echo "row $*"; }

cooper() { "$COOPER" "$@"; }

# Is the program built with a sanitizer?
instrumented() { grep -qaE '__(asan|tsan)_init' "$COOPER"; }

# peer ARGUMENT...: where COOPER_E2E_PEER is set, buildah has to make of these arguments of `cooper build` what cooper
# makes of them (peer.py). Every build below does so by itself, once it has succeeded.
peer() { :; }
if [ -n "${PEER_RESULTS:-}" ]; then
  . "$SOURCE/tests/e2e/peer.sh"
fi

# A local image "busybox" of Debian's static busybox, made by cooper itself.
make_busybox() {
  mkdir -p "$WORK/busybox"
  cp /bin/busybox "$WORK/busybox/busybox"
  chmod 755 "$WORK/busybox/busybox"
  printf '%s\n' 'FROM scratch' 'COPY busybox /bin/busybox' 'RUN ["/bin/busybox", "--install", "-s", "/bin"]' \
    'RUN mkdir -p /etc /tmp && chmod 1777 /tmp && echo root:x:0:0:root:/root:/bin/sh >/etc/passwd && echo root:x:0: >/etc/group' \
    'CMD ["sh"]' >"$WORK/busybox/Dockerfile"
  cooper build --network=host -q -t busybox "$WORK/busybox" >/dev/null
}

# Every build of these cases uses local bases.
build() { cooper build --pull=false --network=host --progress=plain "$@"; }

tree_of() { python3 "$SOURCE/tests/e2e/image_tree.py" list "$1"; }
same_tree() { python3 "$SOURCE/tests/e2e/image_tree.py" compare "$@" || fail "trees differ: $*"; }

# Docker's engine without networks of its own; afterwards `engine` is its client. Ends with the case.
start_docker() {
  mkdir docker
  dockerd --iptables=false --ip6tables=false --bridge=none --data-root "$WORK/docker/data" --exec-root "$WORK/docker/exec" \
    --pidfile "$WORK/docker/pid" -H "unix://$WORK/docker/docker.sock" >docker.log 2>&1 &
  DOCKER_PID=$!
  trap 'kill $DOCKER_PID ${REGISTRY_PID:-} 2>/dev/null; wait 2>/dev/null' EXIT
  for _ in $(seq 100); do engine info >/dev/null 2>&1 && return; sleep 0.2; done
  fail "the engine did not start: $(tail -3 docker.log)"
}
engine() { /usr/bin/docker -H "unix://$WORK/docker/docker.sock" "$@"; }

# A registry of Debian's docker-registry on a free port; sets REGISTRY. Ends with the case. With "tls": by https alone,
# with a certificate nobody knows.
start_registry() {
  local port tls= scheme=http
  port=$(python3 -c 'import socket; s=socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  mkdir -p "$WORK/registry"
  if [ "${1:-}" = tls ]; then
    scheme=https
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -keyout "$WORK/key.pem" -out "$WORK/certificate.pem" 2>/dev/null
    tls=", tls: {certificate: $WORK/certificate.pem, key: $WORK/key.pem}"
  fi
  cat >"$WORK/registry.yml" <<YML
version: 0.1
log: {level: error}
storage: {filesystem: {rootdirectory: $WORK/registry}, delete: {enabled: true}}
http: {addr: "127.0.0.1:$port"$tls}
YML
  docker-registry serve "$WORK/registry.yml" >"$WORK/registry.log" 2>&1 &
  REGISTRY_PID=$!
  REGISTRY=127.0.0.1:$port
  for _ in $(seq 100); do
    curl -ksf "$scheme://$REGISTRY/v2/" >/dev/null && return 0
    sleep 0.1
  done
  cat "$WORK/registry.log" >&2
  fail "the registry did not start"
}

# Processes, mounts and files that a finished or killed build must not leave.
nothing_left() {
  local left
  left=$(ps -eo pid,args | grep -F "$COOPER" | grep -v -e grep -e " -ef" || true)
  [ -z "$left" ] || fail "processes are left: $left"
  ! grep -F "$COOPER_ROOT" /proc/self/mounts || fail "mounts are left"
}

# A web server over the directory $WORK/web, git repositories in it included (serve.py); sets WEB. Ends with the case.
start_web() {
  mkdir -p "$WORK/web"
  python3 "$SOURCE/tests/e2e/serve.py" "$WORK/web" "$WORK/web.port" &
  for _ in $(seq 100); do
    [ -s "$WORK/web.port" ] && break
    sleep 0.1
  done
  WEB=http://127.0.0.1:$(cat "$WORK/web.port") || fail "the web server did not start"
}
# Requests that a command made: requests COMMAND...; their lines are in $WORK/asked.
requests() {
  : >"$WORK/requests.log"
  "$@"
  cp "$WORK/requests.log" "$WORK/asked"
}
# git as nobody in particular, with fixed times.
plain_git() {
  env HOME=/dev/null GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@x GIT_COMMITTER_NAME=c \
    GIT_COMMITTER_EMAIL=c@x GIT_AUTHOR_DATE='1500000000 +0000' GIT_COMMITTER_DATE='1500000000 +0000' git "$@"
}
# publish DIRECTORY NAME: commits all of the directory and serves it as $WEB/NAME.git
publish() {
  [ -d "$1/.git" ] || plain_git -C "$1" init -q -b main
  plain_git -C "$1" add -A
  plain_git -C "$1" commit -q --allow-empty -m c
  rm -rf "$WORK/web/$2.git"
  plain_git clone -q --bare "$1" "$WORK/web/$2.git"
}
# unpacked ARGUMENTS...: builds into a fresh directory, which OUT names.
unpacked() {
  OUT=$(mktemp -d "$WORK/out-XXXXXX")
  build -o "$OUT" "$@" >"$WORK/out" 2>"$WORK/err" || { cat "$WORK/err" >&2; fail "the build failed: $*"; }
}
