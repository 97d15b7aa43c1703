# A step can't change the host, and its limits bind.
make_busybox
panic=$(cat /proc/sys/kernel/panic)
core=$(cat /proc/sys/kernel/core_pattern)
mkdir c
cat >c/Dockerfile <<'D'
FROM busybox
RUN ! echo 77 >/proc/sys/kernel/panic
RUN ! echo /evil >/proc/sys/kernel/core_pattern
RUN ! mount -t tmpfs none /tmp && ! mknod /dev/evil b 8 0 && ! hostname evil
RUN test "$(id -u)" = 0 && touch /owned && chown 1000:1000 /owned && test "$(stat -c %u /owned)" = 1000
D
build c 2>/dev/null >/dev/null
equal "$(cat /proc/sys/kernel/panic)" "$panic"
equal "$(cat /proc/sys/kernel/core_pattern)" "$core"
cat >c/Forks <<'D'
FROM busybox
RUN i=0; while [ $i -lt 1000 ]; do sleep 60 & i=$((i+1)); done; echo ALL-FORKED
D
exits 1 cooper build --pull=false --network=host --progress=plain --ulimit nproc=50 -f c/Forks c
! grep -Eq '^#[0-9]+ [0-9.]+ ALL-FORKED' err || fail "a thousand processes under nproc=50"
contains "$(cat err)" "fork"
nothing_left
