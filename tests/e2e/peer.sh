# Sourced by lib.sh where buildah has to make each build, too. Nothing of it is seen by the case: no output, no file but
# $WORK/.peer, no request in the log of the case's web server.
peer() {
  local size=0
  [ ! -e "$WORK/requests.log" ] || size=$(stat -c %s "$WORK/requests.log")
  python3 "$SOURCE/tests/e2e/peer.py" build "$@" </dev/null >/dev/null 2>>"$PEER_RESULTS.err"
  [ ! -e "$WORK/requests.log" ] || truncate -s "$size" "$WORK/requests.log"
}

# What stands on standard input is read once, for both.
cooper() {
  local before='' argument given=''
  if [ "${1:-}" != build ]; then
    "$COOPER" "$@"
    return
  fi
  for argument in "$@"; do
    case "$before $argument" in
      "-o -" | "--output -") ;;
      *" -") given=$(mktemp "$WORK/.stdin-XXXXXX") ;;
    esac
    before=$argument
  done
  if [ -n "$given" ]; then
    cat >"$given"
    "$COOPER" "$@" <"$given" || return
    shift
    peer --stdin "$given" "$@"
  else
    "$COOPER" "$@" || return
    shift
    peer "$@"
  fi
}
