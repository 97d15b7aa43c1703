# RUN --mount of types bind, cache and tmpfs, as real steps.
make_busybox
mkdir -p c/src/deep other && echo one >c/src/a && echo two >c/src/deep/b && echo hidden >c/ignored && echo ignored >c/.dockerignore
ln -s /src/deep c/link && ln -s /etc/passwd c/out && chmod 750 c/src/deep && echo named >other/n
entries() { build -o type=oci,dest=image.tar "$@" >build.log 2>&1 || { cat build.log >&2; fail "build $*"; }; tree_of image.tar; }
ran() { grep -Eq "^#[0-9]+ [0-9.]+ $1\$" build.log; }

row MNT-08 MNT-09 MNT-11 CTX-03 IGNORE-10 WORKDIR-05
cat >c/Bind <<'D'
FROM busybox AS stage
RUN mkdir /made && echo from-stage >/made/f && ln -s made /alias
FROM busybox
WORKDIR /w
RUN --mount=target=ctx test "$(cat ctx/src/a)" = one && test ! -e ctx/ignored && test "$(stat -c %u:%g ctx/src/a)" = 0:0 && ! touch ctx/x 2>/dev/null
RUN --mount=type=bind,source=src/a,target=/f --mount=type=bind,source=link,target=/d test "$(cat /f)" = one && test "$(cat /d/b)" = two && test "$(stat -c %a /d)" = 750
RUN --mount=from=stage,source=/alias,target=/s --mount=from=stage,source=/made/f,target=/s2 test "$(cat /s/f /s2 | wc -l)" = 2
RUN --mount=from=busybox,target=/b test -x /b/bin/busybox
RUN --mount=from=named,target=/n test "$(cat /n/n)" = named
RUN --mount=target=/w/p/in,source=src --mount=type=tmpfs,target=/w/p touch p/x && test -e p/in/a
D
row RUN-11
tree=$(entries -f c/Bind --build-context named=other c)
stubs=$(printf '%s\n' "$tree" | grep -E '^(w/.*|f|d|s|s2|b|n) ' || true)
equal "$stubs" "" "mount points that are left"

# A mount point inside a mount is made where no link leads: the step's first process still holds files of the host's.
mkdir -m 700 victim
for fd in 3 4 5 14 15 16 18 19; do
  up=$(printf '../%.0s' 1 2 3 4 5 6 7 8 9 10 11 12)
  cat >c/Escape <<D
FROM busybox AS evil
RUN mkdir /e && ln -s /proc/self/fd/$fd/$up${PWD#/}/victim /e/a && touch /e/f
FROM busybox
RUN --mount=from=evil,source=/e,target=/m --mount=from=evil,source=/e/f,target=/m/a/file true
D
  exits 3 cooper build --pull=false --network=host -f c/Escape c
  contains "$(cat err)" "/m/a"
  printf 'FROM busybox\nRUN --mount=type=cache,id=evil,target=/m ln -sfn /proc/self/fd/%s/%s/victim /m/a\nRUN --mount=type=cache,id=evil,target=/m --mount=type=tmpfs,target=/m/a/dir true\n' \
    "$fd" "$up${PWD#/}" >c/Escape
  exits 3 cooper build --pull=false --network=host -f c/Escape c
  printf 'FROM busybox\nRUN --mount=type=tmpfs,target=/proc/self/fd/%s/x true\n' "$fd" >c/Escape
  exits 2 cooper build --pull=false --network=host -f c/Escape c
  contains "$(cat err)" "inside /proc"
  # Nor is the step's input looked up where a mount over /dev leads.
  cat >c/Escape <<D
FROM busybox AS evil
RUN mkdir /e && ln -s /proc/self/fd/$fd/$up${PWD#/}/victim /e/null
FROM busybox
RUN --mount=from=evil,source=/e,target=/dev ! ls /proc/self/fd/0/ && ! echo made >/proc/self/fd/0/made && test -z "\$(cat)"
D
  build --no-cache -f c/Escape c >build.log 2>&1 || { cat build.log >&2; fail "a mount over /dev"; }
done
equal "$(ls -A victim)" "" "what a step made on the host"

# Other links are followed, in the step's root: one inside a mount, and those of the image, ".." behind them.
mkdir -p c/links/a/b/c c/links/a/b/m c/bad
ln -s a/b/c c/links/q && ln -s q/../m c/links/dev && ln -s src/deep c/relative && ln -s /proc/self/cwd c/bad/dev
cat >c/Links <<'D'
FROM busybox AS b
FROM scratch
COPY --from=b /bin /bin
COPY links /
RUN test -c /a/b/m/null && test -c /dev/null && test ! -e /m && test -z "$(cat /proc/interrupts)"
RUN --mount=type=tmpfs,target=/a/b/m test -z "$(cat /proc/interrupts)" && test ! -e /dev/null && test -z "$(cat)"
RUN --mount=target=/w,rw --mount=type=tmpfs,target=/w/relative touch /w/relative/x && test -e /w/src/deep/x && test ! -e /w/src/deep/b
D
build -f c/Links c >build.log 2>&1 || { cat build.log >&2; fail "links that lead somewhere"; }
printf 'FROM busybox AS b\nFROM scratch\nCOPY --from=b /bin /bin\nCOPY bad /\nRUN true\n' >c/Bad
exits 2 cooper build --pull=false --network=host -f c/Bad c
contains "$(cat err)" "/dev of the image leads to /proc/self/cwd"

row MNT-11 SEC-07
printf 'FROM busybox\nRUN --mount=source=out,target=/o cat /o\n' >c/Out
exits 1 cooper build --pull=false --network=host -f c/Out c
contains "$(cat err)" "not found"
printf 'FROM busybox\nRUN --mount=source=none,target=/o cat /o\n' >c/None
exits 1 cooper build --pull=false --network=host -f c/None c
contains "$(cat err)" '"/none": not found'

row MNT-10
cat >c/Rw <<'D'
FROM busybox AS stage
RUN mkdir /made && echo kept >/made/f
FROM busybox
RUN --mount=from=stage,source=made,target=/m,rw --mount=source=src,target=/c,rw echo changed >/m/f && rm /c/a && echo new >/c/new && cat /m/f
RUN --mount=from=stage,source=made,target=/m,rw --mount=source=src,target=/c,rw test "$(cat /m/f)" = kept && test -e /c/a && test ! -e /c/new
D
tree=$(entries -f c/Rw c)
equal "$(printf '%s\n' "$tree" | grep -E '^(m|c)[/ ]' || true)" "" "what was written through a bind"
equal "$(cat c/src/a)" one
test ! -e c/src/new

row MNT-12 CACHE-07
cat >c/Key <<'D'
FROM busybox
RUN --mount=source=src,target=/c echo RAN && cat /c/a
RUN --mount=source=src,target=/c,rw echo RAN-RW && cat /c/a
D
build -f c/Key c >build.log 2>&1
ran RAN && ran RAN-RW || fail "the first time it runs"
echo elsewhere >c/elsewhere
build -f c/Key c >build.log 2>&1
! ran RAN && ! ran RAN-RW || fail "a change elsewhere does not count"
touch -d @1000000000 c/src/a
build -f c/Key c >build.log 2>&1
! ran RAN || fail "times do not count"
echo changed >c/src/a
build -f c/Key c >build.log 2>&1
ran RAN && ran RAN-RW && ran changed || fail "the mounted content counts"
# Mtimes of the context are seen as they are.
touch -d @1234567890 c/src/a
printf 'FROM busybox\nRUN --mount=source=src,target=/c test "$(stat -c %%Y /c/a)" = 1234567890\n' >c/Mtime
build -f c/Mtime c >/dev/null 2>&1

row MNT-13
cat >c/Tmpfs <<'D'
FROM busybox
RUN mkdir /t && echo kept >/t/f
RUN --mount=type=tmpfs,target=/t,size=1m test -z "$(ls -A /t)" && ! dd if=/dev/zero of=/t/big bs=64k count=32 2>/dev/null && test "$(stat -c %s /t/big)" = 1048576
RUN --mount=type=cache,target=/t test -z "$(ls -A /t)" && touch /t/in-cache
RUN test "$(ls /t)" = f
D
tree=$(entries -f c/Tmpfs c)
contains "$tree" "t/f {"
lacks "$tree" "t/big"
lacks "$tree" "t/in-cache"

row MNT-14 MNT-15 CACHE-02
cat >c/Cache <<'D'
FROM busybox
ARG N=0
RUN --mount=type=cache,target=/cache/../cache/x/ echo $N >>/cache/x/log && cat /cache/x/log | wc -l
D
build -f c/Cache --build-arg N=1 c >build.log 2>&1; ran 1 || fail "a cache begins empty"
build -f c/Cache --build-arg N=2 c >build.log 2>&1; ran 2 || fail "a cache survives"
build -f c/Cache --build-arg N=2 c >build.log 2>&1; ! ran 2 || fail "its content is not in the key"
printf 'FROM busybox\nRUN --mount=type=cache,id=/cache/x,target=/elsewhere wc -l </elsewhere/log\n' >c/Same
build -f c/Same c >build.log 2>&1; ran 2 || fail "the id is the cleaned target"
build -f c/Same --build-arg BUILDKIT_CACHE_MOUNT_NS=mine --no-cache c >build.log 2>&1 && fail "another namespace, another cache"
printf 'FROM busybox\nRUN --mount=type=cache,id=/cache/x,target=/e,ro test -e /e/log && ! touch /e/x 2>/dev/null\n' >c/Ro
build -f c/Ro c >/dev/null 2>&1
lacks "$(entries -f c/Cache c)" "cache/x"

row MNT-16
cat >c/Shape <<'D'
FROM busybox
RUN --mount=type=cache,id=plain,target=/p test "$(stat -c %a:%u:%g /p)" = 755:0:0
RUN --mount=type=cache,id=shaped,target=/s,mode=1770,uid=1000,gid=50 test "$(stat -c %a:%u:%g /s)" = 1770:1000:50 && chmod 711 /s && chown 0:0 /s
RUN --mount=type=cache,id=shaped,target=/s,mode=1770,uid=1000,gid=50 test "$(stat -c %a:%u:%g /s)" = 711:0:0
USER 1000:50
RUN --mount=type=cache,id=mine,target=/m,uid=1000,gid=50 touch /m/x
D
entries -f c/Shape c >/dev/null

row MNT-17
cat >c/Seed <<'D'
FROM busybox AS seed
ARG S=1
RUN mkdir -p /seed/sub && echo $S >/seed/sub/f && chown -R 12:34 /seed/sub
FROM busybox
ARG N
RUN --mount=type=cache,id=seeded,from=seed,source=seed,target=/s test -e /s/sub/f && test "$(stat -c %u:%g /s/sub/f)" = 12:34 && echo x >>/s/more && wc -l </s/more
RUN --mount=type=cache,id=seeded-by-context,from=src,target=/s test "$(cat /s/deep/b)" = two
D
build -f c/Seed --build-context src=c/src --build-arg N=1 c >build.log 2>&1; ran 1 || fail "seeded: $(cat build.log)"
build -f c/Seed --build-context src=c/src --build-arg N=2 c >build.log 2>&1; ran 2 || fail "seeded once"
build -f c/Seed --build-context src=c/src --build-arg N=2 --build-arg S=2 c >build.log 2>&1; ran 1 || fail "another seed, another cache"
printf 'FROM busybox\nRUN --mount=type=cache,id=fresh,target=/f,mode=0700 echo x >>/f/l && wc -l </f/l\n' >c/Fresh
build -f c/Fresh c >build.log 2>&1
build -f c/Fresh --no-cache c >build.log 2>&1; ran 1 || fail "no-cache begins a shaped cache afresh"

row MNT-18
# Two processes: locked ones take turns, shared ones meet, private ones have their own.
for sharing in locked shared private; do
  stay='sleep 1'
  [ $sharing != shared ] || stay='i=0; while [ $(grep -c in- /t/log) -lt 2 ] && [ $i -lt 100 ]; do sleep 0.2; i=$((i+1)); done'
  cat >c/Turns <<D
FROM busybox
ARG N
RUN --mount=type=cache,id=turns-$sharing,sharing=$sharing,target=/t echo $sharing; echo in-\$N >>/t/log; $stay; echo out-\$N >>/t/log; cat /t/log | tr '\n' ' '; echo; grep -c in- /t/log
D
  build -f c/Turns --build-arg N=1 c >one.log 2>&1 & first=$!
  build -f c/Turns --build-arg N=2 c >two.log 2>&1
  wait $first
  cat one.log two.log >turns.log
  case $sharing in
    locked) grep -Eq 'in-1 out-1 in-2 out-2|in-2 out-2 in-1 out-1' turns.log || fail "locked: $(cat turns.log)" ;;
    shared) grep -Eq 'in-. in-. out' turns.log || fail "shared: $(cat turns.log)" ;;
    private) ! grep -Eq 'in-1 .*in-2|in-2 .*in-1' turns.log || fail "private: $(cat turns.log)" ;;
  esac
done

row MNT-18 ERR-06
# A killed build lets go of its lock.
printf 'FROM busybox\nRUN --mount=type=cache,id=held,sharing=locked,target=/t echo HELD && sleep 600\n' >c/Held
"$COOPER" build --pull=false --network=host --progress=plain -f c/Held c >held.log 2>&1 & held=$!
for _ in $(seq 100); do ! grep -q ' HELD$' held.log || break; sleep 0.1; done
# A prune beside it leaves it alone.
cooper prune >/dev/null
test -n "$(ls "$COOPER_ROOT"/mounts/*/)" || fail "a cache mount in use was pruned"
kill -9 $held; wait $held || true
printf 'FROM busybox\nRUN --mount=type=cache,id=held,sharing=locked,target=/t echo GOT-IT\n' >c/Got
timeout 30 "$COOPER" build --pull=false --network=host --progress=plain -f c/Got c >build.log 2>&1
ran GOT-IT || fail "the lock of the dead"

# A build that hits starts nothing: no process, no thread, no namespace.
echo one >c/src/a
build -f c/Bind --build-context named=other c >/dev/null 2>&1
strace -f -o trace "$COOPER" build --pull=false --network=host -q -f c/Bind --build-context named=other c >/dev/null
! grep -E 'clone|fork|unshare|mount\(|move_mount' trace || fail "a cached build starts something"

cooper store verify
cooper prune >/dev/null
equal "$(find "$COOPER_ROOT/mounts" -mindepth 2 | wc -l)" 0 "cache mounts after prune"
cooper prune --all >/dev/null
equal "$(ls -A "$COOPER_ROOT")" "" "store after prune --all"
nothing_left
