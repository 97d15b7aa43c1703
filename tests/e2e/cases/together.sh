# Two processes build the same file on one store at once: both right, each distinct step run once.
row CACHE-14
make_busybox
mkdir c
cat >c/Dockerfile <<'D'
FROM busybox AS a
RUN sleep 1; echo step-one-ran; cat /proc/sys/kernel/random/uuid >/one
FROM busybox
COPY --from=a /one /one
RUN echo step-two-ran; cat /proc/sys/kernel/random/uuid >/two
D
build -o type=oci,dest=1.tar c >1.digest 2>1.err & first=$!
build -o type=oci,dest=2.tar c >2.digest 2>2.err & second=$!
wait "$first"; wait "$second"
equal "$(cat 1.digest)" "$(cat 2.digest)" "digests"
equal "$(cat 1.err 2.err | grep -c ' step-one-ran$')" 1 "runs of step one"
equal "$(cat 1.err 2.err | grep -c ' step-two-ran$')" 1 "runs of step two"
cmp 1.tar 2.tar
# Independent stages run side by side: each waits for the other's sign. Not by `build`: buildah's would wait in vain.
cat >c/Parallel <<'D'
FROM busybox AS a
SHELL ["/bin/sh", "-ec"]
RUN --mount=type=cache,id=meet,target=/m touch /m/a; i=0; while ! test -e /m/b; do i=$((i+1)); test $i -lt 300; sleep 0.2; done
RUN echo a >/a
FROM busybox AS b
SHELL ["/bin/sh", "-ec"]
RUN --mount=type=cache,id=meet,target=/m touch /m/b; i=0; while ! test -e /m/a; do i=$((i+1)); test $i -lt 300; sleep 0.2; done
RUN echo b >/b
FROM busybox
COPY --from=a /a /
COPY --from=b /b /
D
"$COOPER" build --pull=false --network=host --progress=plain -f c/Parallel c >/dev/null 2>parallel.err || { cat parallel.err >&2; fail "the stages did not meet"; }
nothing_left
