# One clear error that names file and line, or the object; exit codes by kind; the store stays valid.
make_busybox
mkdir c && echo f >c/f
try() {  # try CODE TEXT: c/Dockerfile must fail so
  exits "$1" cooper build --pull=false --network=host --progress=plain c
  contains "$(cat err)" "$2"
  equal "$(grep -c '^ERROR: ' err)" 1 "error lines"
}
printf 'FROM busybox\nFNTRYPOINT x\n' >c/Dockerfile;         try 2 'unknown instruction: FNTRYPOINT (did you mean ENTRYPOINT?)'
contains "$(cat err)" "Dockerfile:2"
printf 'FROM busybox\n\nCOPY missing /x\n' >c/Dockerfile;    try 1 '"/missing": not found'
contains "$(cat err)" "Dockerfile:3"
printf 'FROM busybox\nCOPY --from=later /x /x\nFROM busybox AS later\n' >c/Dockerfile
exits 2 cooper build --pull=false --target 0 c || true
printf 'FROM busybox\nRUN echo before; exit 7\n' >c/Dockerfile; try 1 'did not complete successfully: exit code: 7'
contains "$(cat err)" ">>>"
printf '' >c/Dockerfile;                                     try 2 'cannot be empty'
printf 'FROM busybox AS a\nFROM a\nUSER nobody-here\nRUN true\n' >c/Dockerfile; try 1 'nobody-here'
printf 'FROM busybox\nRUN --device=vendor.com/gpu=0 true\n' >c/Dockerfile;   try 2 'device feature'
rm c/Dockerfile
exits 2 cooper build c
contains "$(cat err)" "failed to read dockerfile"
exits 2 cooper build --target nope -f "$WORK/busybox/Dockerfile" "$WORK/busybox"
exits 2 cooper build --secret src=x c
contains "$(cat err)" "--secret"
exits 2 cooper build --nonsense c
exits 2 cooper build "$WORK/no-such-directory"
contains "$(cat err)" "unable to prepare context"
# A damaged blob is told, repaired, and made again.
printf 'FROM busybox\nCOPY f /f\n' >c/Dockerfile
build -o type=oci,dest=good.tar c >/dev/null 2>&1
blob=$(find "$COOPER_ROOT/blobs" -type f -size +100k | head -1)
chmod u+w "$blob" && printf X | dd of="$blob" bs=1 seek=5000 conv=notrunc 2>/dev/null
exits 3 cooper store verify
contains "$(cat out)" "$(basename "$blob")"
exits 3 cooper build --pull=false -o type=oci,dest=bad.tar c
[ ! -e bad.tar ] || fail "a damaged archive was written"
cooper store verify --repair >/dev/null
rm -rf "$WORK/busybox" && make_busybox && build -o type=oci,dest=again.tar c >/dev/null 2>&1
cooper store verify
nothing_left
printf 'FROM busybox\nRUN echo a\000b\n' >c/Nul
exits 2 cooper build -f c/Nul c
contains "$(cat err)" "NUL byte"
# Configuration that can't be read is named, with its line.
printf 'unqualified-search-registries = [' >bad.conf
exits 2 env COOPER_REGISTRIES_CONF="$WORK/bad.conf" "$COOPER" pull 127.0.0.1:1/x
contains "$(cat err)" "$WORK/bad.conf:1"

