# An archive is begun beside the steps of a build on a large base: no step sees it, and it is the same archive.
row OUT-13 OUT-03
make_busybox
mkdir c
printf 'FROM busybox\nRUN dd if=/dev/urandom of=/big bs=1M count=24 2>/dev/null\n' >c/Base
build -f c/Base -t localhost/big c >/dev/null 2>base.err
cat >c/Dockerfile <<'D'
FROM localhost/big
ARG n
RUN --mount=target=/ctx sleep 1; ls -A /ctx >/names
COPY . /ctx
D
strings='Base
Dockerfile'
build --build-arg n=1 -t localhost/early -o type=oci,dest=c/out.tar c >1.digest 2>1.err
mv c/out.tar early.tar
equal "$(ls -A c)" "$strings" "what a build left beside its archive"
build --build-arg n=1 -o type=tar,dest=- c 2>/dev/null | tar -xf - names ctx
equal "$(cat names)" "$strings" "what a step saw"
equal "$(ls -A ctx)" "$strings" "what was copied"
# Where nothing has to be run the archive is written as a whole.
build --build-arg n=1 -t localhost/early -o type=oci,dest=whole.tar c >2.digest 2>2.err
[ "$(grep -c ' CACHED$' 2.err)" -ge 2 ] || fail "it ran again: $(cat 2.err)"
equal "$(cat 1.digest)" "$(cat 2.digest)" "digests"
cmp early.tar whole.tar
build --build-arg n=1 -t localhost/early -o type=docker,dest=cached.tar c >/dev/null 2>&1
build --build-arg n=1 --no-cache -t localhost/late -o type=docker,dest=docker.tar c >/dev/null 2>&1
same_tree --ignore-mtime cached.tar docker.tar
# A build that fails, and one that is killed.
printf 'FROM localhost/big\nRUN sleep 1; false\n' >c/Dockerfile
echo old >c/out.tar
exits 1 build -o type=oci,dest=c/out.tar c
equal "$(cat c/out.tar)" old
printf 'FROM localhost/big\nRUN sleep 3\n' >c/Dockerfile
"$COOPER" build --pull=false --network=host -o type=oci,dest=c/out.tar c >/dev/null 2>&1 & pid=$!
begun() { find "/proc/$pid/fd" -lname "$PWD/c/#*" 2>/dev/null | grep -q .; }
tries() { for _ in $(seq 100); do "$@" && return; sleep 0.05; done; return 1; }
# Where nothing speaks against it; only root may look into the process.
room=$(df -B1M --output=avail c | tail -n 1)
if [ "$ROLE" = root ] && [ "$room" -gt 3000 ] && [ "$(stat -f -c %T c)" = ext2/ext3 ]; then
  tries begun || fail "no archive was begun"
else
  sleep 1
fi
kill -9 "$pid"; wait "$pid" 2>/dev/null || true
equal "$(ls -A c | tr '\n' ' ')" "Base Dockerfile out.tar "
equal "$(cat c/out.tar)" old
# A build that has nothing to run is interrupted as any other.
echo FROM localhost/big >c/Dockerfile
mkfifo pipe
{ touch opened; sleep 1; cat >/dev/null; } <pipe &
"$COOPER" build --pull=false --network=host -o type=oci,dest=pipe c >/dev/null 2>interrupted.err & pid=$!
tries test -e opened || fail "the archive was not opened: $(cat interrupted.err)"
kill -TERM "$pid"
code=0; wait "$pid" || code=$?
equal "$code" 130 "exit code: $(cat interrupted.err)"
