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
# Independent stages run side by side: each waits for the other's sign.
cat >c/Parallel <<'D'
FROM busybox AS a
RUN sleep 2; echo a >/a
FROM busybox AS b
RUN sleep 2; echo b >/b
FROM busybox
COPY --from=a /a /
COPY --from=b /b /
D
build -f c/Parallel c >/dev/null 2>parallel.err
order=$(grep -o -e 'RUN sleep 2; echo a' -e 'RUN sleep 2; echo b' -e 'DONE 2\..s' parallel.err | head -3 | tail -1)
contains "$order" "DONE"
nothing_left
