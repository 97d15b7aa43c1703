# What the cases need and a new machine lacks: a plain user with sub-ids, device modes, a base image. Sourced by run.
# Who is no root has to have sub-ids, and is the plain user.
if [ "$(id -u)" = 0 ]; then
  TEST_USER=cooper-e2e
  BASE=${COOPER_E2E_DIR:-/var/tmp/cooper-e2e}
  if ! id "$TEST_USER" >/dev/null 2>&1; then useradd --create-home --shell /bin/bash "$TEST_USER"; fi
  grep -q "^$TEST_USER:" /etc/subuid 2>/dev/null || echo "$TEST_USER:700000:65536" >>/etc/subuid
  grep -q "^$TEST_USER:" /etc/subgid 2>/dev/null || echo "$TEST_USER:700000:65536" >>/etc/subgid
  # As udev does; a virtual machine without it leaves them 0600, and a plain user's row would test the fallback.
  for device in /dev/net/tun /dev/fuse; do [ ! -e "$device" ] || chmod 666 "$device"; done
else
  TEST_USER=$(id -un)
  BASE=${COOPER_E2E_DIR:-/var/tmp/cooper-e2e-$TEST_USER}
  for ids in /etc/subuid /etc/subgid; do
    grep -q "^$TEST_USER:" "$ids" || { echo "the end-to-end tests need a line for $TEST_USER in $ids" >&2; exit 2; }
  done
fi
SHARED=$BASE/shared

mkdir -p "$SHARED"
chmod 755 "$BASE" "$SHARED"

# Removes a work directory, files of sub-ids included, and what an engine left mounted in it.
remove_tree() {
  if [ "$(id -u)" != 0 ]; then
    unshare --map-root-user --map-auto rm -rf "$1" "$1.log"
    return
  fi
  awk -v below="$1/" 'index($2, below) == 1 { print $2 }' /proc/mounts | sort -r | xargs -r umount -l
  rm -rf "$1" "$1.log"
}
