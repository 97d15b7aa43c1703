# A store with a limit takes no more than that and the layer being made, whatever is built; what it holds is told, and
# prune does what was told. COOPER_LIMIT_BUILDS=50 COOPER_LIMIT_MIB=500 COOPER_LIMIT_LAYER_MIB=25 is the long form.
make_busybox
builds=${COOPER_LIMIT_BUILDS:-12}
limit=${COOPER_LIMIT_MIB:-30}
layer=${COOPER_LIMIT_LAYER_MIB:-3}
MIB=1048576

# The most that the directory ever took while it ran, into $1. Says nothing for what vanishes as it looks.
sample() {
  python3 - "$COOPER_ROOT" "$1" <<'P' &
import os, sys, time
def taken(path, seen):
    total = 0
    try:
        for entry in os.scandir(path):
            try:
                status = entry.stat(follow_symlinks=False)
            except OSError:
                continue
            if status.st_ino not in seen:  # else it was moved while we looked
                seen.add(status.st_ino)
                total += status.st_blocks * 512
            if entry.is_dir(follow_symlinks=False):
                total += taken(entry.path, seen)
    except OSError:
        pass
    return total
def parts(path):
    seen = set()
    try:
        return {name: taken(os.path.join(path, name), seen) or os.lstat(os.path.join(path, name)).st_blocks * 512
                for name in os.listdir(path)}
    except OSError:
        return {}
most, samples, largest = 0, 0, {}
while True:
    now, samples = parts(sys.argv[1]), samples + 1
    if sum(now.values()) > most:
        most, largest = sum(now.values()), now
    with open(sys.argv[2] + '.new', 'w') as out:
        out.write(f'{most} {samples} {largest}\n')
    os.rename(sys.argv[2] + '.new', sys.argv[2])
    time.sleep(0.02)
P
  SAMPLER=$!
}
stop_sampling() { kill "$SAMPLER"; wait "$SAMPLER" 2>/dev/null || true; }
taken() { du -sB1 "$COOPER_ROOT" 2>/dev/null | cut -f1; }
# at_most BYTES MOST WHEN. The directories, marks and log of the database that came since the store last looked are `small`.
at_most() { [ "$1" -le "$2" ] || fail "$3: $1 bytes, more than $2"; }

# mixed NUMBER DIRECTORY: a build like no other, of one of four kinds; its result must hold what was put in.
mixed() {
  local number=$1 c=$2
  rm -rf "$c"; mkdir "$c"
  head -c $((layer * MIB)) /dev/urandom >"$c/payload"
  case $((number % 4)) in
    0) printf 'FROM busybox\nCOPY payload /payload\n' >"$c/Dockerfile" ;;
    1) printf 'FROM busybox\nRUN --mount=type=bind,target=/c cp /c/payload /payload && echo %s >/n\n' "$number" >"$c/Dockerfile" ;;
    2) printf 'FROM busybox\nRUN --mount=type=cache,id=k%s,target=/k --mount=type=bind,target=/c cp /c/payload /k/ && cp /k/payload /payload\n' \
         "$number" >"$c/Dockerfile" ;;
    3) printf 'FROM scratch AS a\nCOPY payload /one\nFROM busybox\nCOPY --from=a /one /payload\nRUN touch /done\n' >"$c/Dockerfile" ;;
  esac
  local output=(-t "app:$number")
  [ $((number % 3)) != 1 ] || output=(-o "type=oci,dest=$c/out.tar")
  build --store-limit "${limit}m" "${output[@]}" "$c" >"$c.log" 2>&1 || { cat "$c.log" >&2; fail "build $number"; }
  [ $((number % 3)) = 1 ] || cooper save --oci -o "$c/out.tar" "app:$number"
  python3 "$SOURCE/tests/e2e/image_tree.py" list "$c/out.tar" >"$c/tree"
  grep -q "$(sha256sum <"$c/payload" | cut -d' ' -f1)" "$c/tree" || fail "build $number does not hold what was put in"
}

# A layer in both forms, the tree and the blob, what of the context its step has bound, and what it adds to a cache mount.
in_flight=$((4 * layer * MIB))
small=$MIB
sample most
for number in $(seq "$builds"); do
  mixed "$number" c
  at_most "$(taken)" $((limit * MIB + small)) "after build $number"
done
stop_sampling
read -r top samples parts <most
at_most "$top" $((limit * MIB + in_flight + small)) "while building, $parts"
[ "$samples" -ge $((builds * 2)) ] || fail "only $samples samples"
[ "$top" -gt $((limit * MIB / 2)) ] || fail "the store never grew: $top"
cat c.log c/tree >/dev/null
cooper store verify >verify.out || fail "$(cat verify.out)"
cooper images | grep -q "app:$((builds - builds % 3))" || fail "the last image with a name is gone"
echo "at most $top bytes of $limit MiB and $layer MiB in flight, $samples samples"

# Two at once, below one limit: each has a layer in flight. What a build uses, and all that came while it ran, has to fit.
limit=$((limit * 2))
sample most
for number in 1 2 3 4; do mixed $((100 + number)) d; done & first=$!
for number in 1 2 3 4; do mixed $((200 + number)) e; done & second=$!
wait "$first" || fail "the first of two"
wait "$second" || fail "the second of two"
stop_sampling
read -r top samples parts <most
at_most "$top" $((limit * MIB + 2 * in_flight + small)) "with two builds at once"
at_most "$(taken)" $((limit * MIB + small)) "after two builds at once"
cooper store verify >verify.out || fail "$(cat verify.out)"

# What one build needs can't be had: told, and nothing that is in use was taken for it.
head -c $((layer * MIB)) /dev/urandom >c/payload
exits 3 build --store-limit 4m c
contains "$(cat err)" "the store limit of 4194304 bytes is reached"
cooper store verify >/dev/null || fail "after a refusal"
exits 2 build --store-limit many c
contains "$(cat err)" "--store-limit"
# From the environment, and for what comes in other ways.
cooper save --oci -o one.tar busybox
exits 3 env COOPER_STORE_LIMIT=100k COOPER_ROOT="$WORK/other" "$COOPER" load -i one.tar
contains "$(cat err)" "store limit"
COOPER_STORE_LIMIT=50m COOPER_ROOT="$WORK/other" "$COOPER" load -i one.tar >/dev/null

# What it tells is what prune does, and what du says.
make_busybox
mixed 1000 c
mixed 1002 c
cooper store du >du.out
contains "$(cat du.out)" "Unpacked trees"
cooper store du -v >du.out
contains "$(cat du.out)" "id /k1002, first mounted on /k"
cooper store du --format json >du.json
told() { python3 -c 'import json, sys; print(json.load(open("du.json"))[sys.argv[1]])' "$1"; }
difference=$(($(told size) - $(taken)))
[ "${difference#-}" -le 65536 ] || fail "store du says $(told size), du $(taken)"
reclaimable=$(told reclaimable)
[ "$reclaimable" -gt $((layer * MIB)) ] || fail "reclaimable: $reclaimable"
contains "$(cooper prune)" "objects, $reclaimable bytes"
cooper store du --format json >du.json
equal "$(told reclaimable)" 0 "reclaimable after prune"
# Filters.
mixed 1004 c
contains "$(cooper prune --older-than 1h)" "removed 0 objects"
sleep 1.1
contains "$(cooper prune --keep 500m)" "removed 0 objects"
[ "$(cooper images | wc -l)" -gt 1 ] || fail "no image is left"
cooper prune --older-than 1s >/dev/null
cooper store du --format json >du.json
equal "$(told reclaimable)" 0 "reclaimable after prune --older-than"
cooper prune --all --keep 1m >/dev/null
cooper store du --format json >du.json
python3 - <<'P'
import json
du = json.load(open("du.json"))
held = sum(du["kinds"][kind]["size"] for kind in ("blobs", "tables", "trees", "cache_mounts"))
assert held <= 1 << 20, held
P
exits 2 cooper prune --older-than soon
make_busybox
mixed 1006 c
nothing_left
cooper prune --all >/dev/null
equal "$(ls -A "$COOPER_ROOT")" "" "store after prune --all"
