# Rough surroundings: nothing standard open, odd umasks, few descriptors, ignored signals, full disks, damage. One
# clear line or the right result; nothing of the machine is harmed, nothing is left behind.
make_busybox
mkdir c && printf 'FROM busybox\nRUN echo hi >/f && ulimit -n >/limit\n' >c/Dockerfile
build -o type=oci,dest=right.tar c 2>/dev/null
files_beside() { find target -mindepth 1 | wc -l; }

# Closed standard descriptors: their numbers must not become those of our files.
build --no-cache -o type=oci,dest=closed.tar c <&- >&- 2>&-
same_tree --ignore-mtime right.tar closed.tar
cooper store verify >/dev/null

code=0; build -o - c >&- 2>err || code=$?
equal "$code" 3 "exit code of an archive for a closed standard output"
code=0; cooper save derived:none >&- 2>err || code=$?
equal "$code" 1 "exit code of an absent image"
for place in "type=oci,dest=/proc/a.tar" "type=local,dest=/proc/none/d"; do
  exits 3 cooper build --pull=false --network=host -o "$place" c
done

# A result that could not be written is a failure.
code=0; build -q c >/dev/full 2>err || code=$?
equal "$code" 3 "exit code with a full standard output"
contains "$(cat err)" "standard output"

# Links as destination: followed, never replaced. /dev/stdout is one, and belongs to the machine.
mkdir target && ln -s real.tar target/link.tar && echo old >target/real.tar
build -o type=oci,dest=target/link.tar c 2>/dev/null
[ -L target/link.tar ] || fail "the link was replaced"
tar -tf target/real.tar >/dev/null
before=$(stat -c '%F %i' /dev/stdout)
build -q -o type=oci,dest=/dev/stdout c 2>err >target/redirected
equal "$(stat -c '%F %i' /dev/stdout)" "$before" "/dev/stdout"
build -q -o type=oci,dest=/dev/stdout c 2>err | tar -t >list || fail "$(cat err)"
contains "$(cat list)" oci-layout
rm -r target && mkdir target

# A umask that takes the owner's own rights.
(umask 0777; COOPER_ROOT=$WORK/umask; export COOPER_ROOT; make_busybox; build -o type=oci,dest=umask.tar c 2>/dev/null)
same_tree --ignore-mtime right.tar umask.tar

# Few descriptors: ours is raised, the step's is what we were given; a hard limit is told with its cure.
{ echo FROM busybox; for i in $(seq 40); do echo "RUN echo $i >/f$i"; done; echo 'RUN [ "$(ulimit -n)" = 64 ]'; } >c/Many
(ulimit -S -n 64; build -f c/Many c >/dev/null 2>err) || fail "$(cat err)"
(ulimit -n 24; exits 3 build --no-cache -f c/Many c)
contains "$(cat err)" "ulimit -n"

# What nohup has switched off stays off.
printf 'FROM busybox\nRUN sleep 2\n' >c/Slow
(trap '' HUP; exec "$COOPER" build --pull=false --network=host -f c/Slow c >/dev/null 2>err) & pid=$!
sleep 1; kill -HUP "$pid"
wait "$pid" || fail "ended by an ignored signal: $(cat err)"

# Whatever ends an export leaves nothing beside the destination, and the old file as it was.
head -c 200000000 /dev/urandom >c/huge && printf 'FROM busybox\nCOPY huge /huge\n' >c/Huge
build -f c/Huge c >/dev/null 2>&1
echo old >target/x.tar
for signal in TERM KILL; do
  "$COOPER" build --pull=false --network=host -f c/Huge -o type=oci,dest=target/x.tar c >/dev/null 2>&1 & pid=$!
  sleep 0.2; kill "-$signal" "$pid" || true
  wait "$pid" 2>/dev/null || true
  equal "$(files_beside)" 1 "files beside the destination after $signal"
done
rm -r c/huge target

# Damage is told with its cure; one damaged image hides no other.
build -q -t img c >/dev/null 2>&1
hex=$(cooper inspect --raw img | python3 -c 'import json,sys; print(json.load(sys.stdin)["layers"][-1]["digest"][7:])')
blob=$COOPER_ROOT/blobs/sha256/$(echo "$hex" | cut -c1-2)/$hex
chmod u+w "$blob" && printf X | dd of="$blob" bs=1 seek=20 conv=notrunc 2>/dev/null
exits 3 build -o type=oci,dest=damaged.tar c
contains "$(cat err)" "store verify --repair"
cooper store verify --repair >/dev/null || true
contains "$(cooper images)" busybox
build -o type=oci,dest=again.tar c 2>/dev/null
same_tree --ignore-mtime right.tar again.tar

# So is damage that a layer takes between its making and its export: here the build waits for whoever reads the result.
mkfifo held && head -c 300000 /dev/urandom >c/bytes && printf 'FROM scratch\nCOPY bytes /\n' >c/Held
"$COOPER" build -f c/Held -o type=oci,dest=held c >out 2>err & pid=$!
made() { find "$COOPER_ROOT/blobs" -type f -newer c/Held -size +290k; }
for _ in $(seq 300); do [ -z "$(made)" ] || break; sleep 0.1; done
blob=$(made)
chmod u+w "$blob" && printf XXXX | dd of="$blob" bs=1 seek=150000 conv=notrunc 2>/dev/null
cat held >/dev/null
code=0; wait "$pid" || code=$?
equal "$code" 3 "exit code with a layer damaged meanwhile"
contains "$(cat err)" "is damaged"
cooper store verify --repair >/dev/null || true

# A tree too deep for any reader of layers.
cat >deep.c <<'C'
#include <sys/stat.h>
#include <unistd.h>
int main(void) { for (int i = 0; i < 20000; i++) if (mkdir("d", 0755) || chdir("d")) return 1; return 0; }
C
cc -static -o c/deep deep.c && printf 'FROM busybox\nCOPY deep /deep\nRUN /deep\n' >c/Deep
if [ "${COOPER_SNAPSHOTTER:-}" = fuse-overlayfs ]; then
  exits 1 build -f c/Deep c  # no path of more than 4096 bytes is made through it
else
  exits 2 build -f c/Deep c
  contains "$(cat err)" "a layer holds at most"
fi
nothing_left

# No namespaces at all: what needs none works, the rest names what is missing.
if [ "$ROLE" = root ]; then
  locked() { unshare -U -r sh -c 'echo 0 >/proc/sys/user/max_user_namespaces; exec capsh --drop=cap_sys_admin -- -c "$0"' "$1"; }
  printf 'FROM scratch\nCOPY Dockerfile /x\n' >c/Scratch
  locked "COOPER_ROOT=$WORK/locked $COOPER build -q -f $WORK/c/Scratch $WORK/c" >/dev/null
  locked "COOPER_ROOT=$WORK/locked $COOPER store verify" >/dev/null
  locked "COOPER_ROOT=$WORK/locked $COOPER prune --all" >/dev/null
  # The disk: one line, and the way out works.
  mkdir small && mount -t tmpfs -o size=3m none small
  export COOPER_ROOT=$WORK/small/store
  head -c 4000000 /dev/urandom >c/much && printf 'FROM scratch\nCOPY much /m\n' >c/Much
  exits 3 build -f c/Much c
  contains "$(cat err)" "disk full"
  contains "$(cat err)" "cooper prune"
  cooper prune --all >/dev/null
  equal "$(find small/store -mindepth 1 | wc -l)" 0
  umount small
fi
