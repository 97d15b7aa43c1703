# Ctrl-C and kill -9 leave no process, no mount; the next build is right and the store sound.
make_busybox
mkdir c
long=$((40000 + $$))  # seconds: nobody else sleeps so long, another run of this case beside it neither
cat >c/Dockerfile <<D
FROM busybox AS a
RUN sleep $long & sleep $long
FROM busybox
RUN sleep $long
COPY --from=a /etc/passwd /p
D
marker() { pgrep -f "sleep $long" || true; }
interrupt() {  # interrupt SIGNAL: once both steps run
  "$COOPER" build --pull=false --network=host c >/dev/null 2>interrupted.err & local pid=$!
  for _ in $(seq 100); do [ "$(marker | wc -l)" -ge 3 ] && break; sleep 0.1; done
  [ "$(marker | wc -l)" -ge 3 ] || fail "the steps did not start: $(cat interrupted.err)"
  kill "-$1" "$pid"
  code=0; wait "$pid" || code=$?
  sleep 1
  instrumented && sleep 4  # its own end takes a sanitizer longer
  [ -z "$(marker)" ] || fail "processes are left after $1: $(ps -ef | grep "[s]leep $long")"
  nothing_left
}
interrupt INT; equal "$code" 130 "exit code after ctrl-C"
interrupt TERM; equal "$code" 130
interrupt KILL; equal "$code" 137
row CACHE-18
cat >c/Work <<'D'
FROM busybox AS a
RUN for i in 1 2 3 4 5 6 7 8 9; do dd if=/dev/zero of=/big$i bs=64k count=16 2>/dev/null; done
COPY f /f
FROM busybox
COPY --from=a / /all/
RUN cd /all && find . -name 'big*' | sort | xargs cat | md5sum >/sum
D
echo f >c/f
build -f c/Work -o type=oci,dest=right.tar c >/dev/null 2>&1
export COOPER_ROOT=$WORK/killed-store
make_busybox
rounds=${COOPER_KILL_ROUNDS:-12}
for round in $(seq "$rounds"); do
  "$COOPER" build --pull=false --network=host --no-cache -f c/Work -o "type=oci,dest=cut.tar" c >/dev/null 2>&1 & pid=$!
  sleep "$(python3 -c "import random; random.seed($round); print(random.random() * 0.5)")"
  kill -9 "$pid" 2>/dev/null || true
  wait "$pid" 2>/dev/null || true
  build -f c/Work -o type=oci,dest=now.tar c >/dev/null 2>now.err || fail "round $round: $(cat now.err)"
  same_tree --ignore-mtime right.tar now.tar
  cooper store verify >verify.out || fail "round $round: $(cat verify.out)"
done
# What a killed build left, files of other ids included, goes with the next build that runs something.
printf 'FROM busybox\nRUN mkdir /d && touch /d/f && chown 7:7 /d /d/f && chmod 700 /d && sleep %s\n' "$long" >c/Ids
"$COOPER" build --pull=false --network=host -f c/Ids c >/dev/null 2>&1 & pid=$!
for _ in $(seq 100); do [ -n "$(marker)" ] && break; sleep 0.1; done
kill -9 "$pid"; wait "$pid" 2>/dev/null || true
sleep 1
[ "$(ls "$COOPER_ROOT/ingest" | wc -l)" != 0 ] || fail "the killed build left nothing to sweep"
build --no-cache -f c/Work c >/dev/null 2>&1
equal "$(ls "$COOPER_ROOT/ingest" | wc -l)" 0 "unfinished things after a build"
nothing_left
cooper prune --all >/dev/null
equal "$(find "$COOPER_ROOT" -mindepth 1 | wc -l)" 0 "files after prune --all"
