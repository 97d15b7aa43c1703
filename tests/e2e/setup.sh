# What the cases need and a new machine lacks: a plain user with sub-ids, device modes, a base image. Sourced by run.
TEST_USER=cooper-e2e
BASE=${COOPER_E2E_DIR:-/var/tmp/cooper-e2e}
SHARED=$BASE/shared

if ! id "$TEST_USER" >/dev/null 2>&1; then useradd --create-home --shell /bin/bash "$TEST_USER"; fi
grep -q "^$TEST_USER:" /etc/subuid 2>/dev/null || echo "$TEST_USER:700000:65536" >>/etc/subuid
grep -q "^$TEST_USER:" /etc/subgid 2>/dev/null || echo "$TEST_USER:700000:65536" >>/etc/subgid
# As udev does; a virtual machine without it leaves them 0600, and a plain user's row would test the fallback.
for device in /dev/net/tun /dev/fuse; do [ ! -e "$device" ] || chmod 666 "$device"; done

mkdir -p "$SHARED"
chmod 755 "$BASE" "$SHARED"

# Removes a work directory, files of sub-ids included (root may), and what an engine left mounted in it.
remove_tree() {
  awk -v below="$1/" 'index($2, below) == 1 { print $2 }' /proc/mounts | sort -r | xargs -r umount -l
  rm -rf "$1" "$1.log"
}
