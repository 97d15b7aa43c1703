# --scratch: the roots of RUN steps lie elsewhere than in the store, for as long as the build takes. And a store on overlayfs,
# which holds no upper directories and no whiteouts.
make_busybox
mkdir c scratch
long=$((50000 + $$))  # seconds, as in killed.sh
cat >c/Dockerfile <<'D'
FROM busybox AS other
RUN mkdir /d && echo 1 >/d/a && echo 2 >/d/b && ln /d/b /d/c && chown 5:6 /d/a && mkfifo /d/p
FROM busybox
COPY f /d/f
RUN mkdir /gone && touch /gone/x && rm /bin/wget
RUN rm -r /gone && mkdir /gone && touch /gone/y
COPY --from=other /d /other
RUN --mount=type=bind,from=other,target=/m,rw --mount=type=bind,target=/c,rw --mount=type=cache,target=/cache \
  rm /m/d/a && touch /c/new /cache/new && cat /c/f /m/d/b >/read
D
echo f >c/f
own() { ls -A "scratch/cooper-$(id -u)"; }  # what is left of ours
build -o type=oci,dest=plain.tar c >/dev/null 2>&1
# The same image; nothing is left there, and no tree in the store.
export COOPER_ROOT=$WORK/store-of-blobs
cooper build --network=host --scratch scratch -q -t busybox busybox >/dev/null
build --scratch scratch -o type=oci,dest=scratch.tar c >out 2>err
lacks "$(cat err)" "copies of their whole root"
same_tree --ignore-mtime plain.tar scratch.tar
equal "$(own)" ""
[ ! -e "$COOPER_ROOT/trees" ] || fail "trees in the store: $(ls -R "$COOPER_ROOT/trees" | head)"
# What was made so is cached for everybody; a cached build does not look at the directory.
rmdir "scratch/cooper-$(id -u)"
COOPER_SCRATCH=scratch build -o type=oci,dest=cached.tar c >out 2>err
equal "$(grep -c CACHED err)" 6
[ ! -e "scratch/cooper-$(id -u)" ] || fail "made for a cached build"
cmp scratch.tar cached.tar || fail "another image from the cache"
# In copies as well, and files as output.
COOPER_SCRATCH=scratch build --no-cache --snapshotter=copy -o type=tar,dest=copy.tar c >/dev/null 2>&1
COOPER_SCRATCH=scratch build --no-cache -o type=tar,dest=files.tar c >/dev/null 2>&1
equal "$(tar -tf copy.tar | sort | sha256sum)" "$(tar -tf files.tar | sort | sha256sum)"
tar -tf files.tar >names
grep -q '^gone/y$' names || fail "not all files are there: $(head names)"
equal "$(own)" ""
# What a killed build left goes with the next one; two at once do not touch each other's.
printf 'FROM busybox\nRUN mkdir /d && touch /d/f && chown 7:7 /d /d/f && chmod 700 /d && sleep %s\n' "$long" >c/Ids
"$COOPER" build --pull=false --network=host --scratch scratch -f c/Ids c >/dev/null 2>&1 & pid=$!
for _ in $(seq 100); do pgrep -f "sleep $long" >/dev/null && break; sleep 0.1; done
build --scratch scratch --no-cache -o type=oci,dest=beside.tar c >/dev/null 2>err || fail "beside another: $(cat err)"
same_tree --ignore-mtime plain.tar beside.tar
pgrep -f "sleep $long" >/dev/null || fail "the other build has ended"
kill -9 "$pid"; wait "$pid" 2>/dev/null || true
[ -n "$(own)" ] || fail "the killed build left nothing"
sleep 1
build --scratch scratch --no-cache c >/dev/null 2>&1
equal "$(own)" "" "after a killed build"
exits 2 build --scratch nowhere c
contains "$(cat err)" "Directory does not exist: nowhere"
mkdir -p "unsafe/cooper-$(id -u)" && chmod 777 unsafe/*
exits 3 build --no-cache --scratch unsafe c
contains "$(cat err)" "is not ours alone"
[ "$ROLE" = root ] || exit 0
# On a file system without programs, where that can be undone, and where it can't.
mkdir noexec && mount -t tmpfs -o noexec none noexec
trap 'umount -l "$WORK/noexec"' EXIT
cat >c/Programs <<'D'
FROM busybox
RUN --mount=type=bind,source=busybox,target=/busybox --mount=type=cache,target=/k cp /bin/busybox /k/busybox; /busybox echo bound >/y; /k/busybox true && echo yes >/x || echo no >/x
RUN <<E
#!/bin/sh
echo ran >/script
E
D
cp busybox/busybox c/
programs() { "$@" "$COOPER" build --pull=false --network=host --progress=plain --scratch noexec -f c/Programs -o files-noexec c >out 2>err; }
programs env || fail "$(cat err)"
equal "$(cat files-noexec/x files-noexec/y files-noexec/script)" "yes
bound
ran"
lacks "$(cat err)" "no program can be run"
alone="unshare -U -r -m env COOPER_ROOT=$WORK/store-alone"
$alone "$COOPER" build --network=host -q -t busybox busybox >/dev/null 2>&1
programs $alone || fail "$(cat err)"
equal "$(cat files-noexec/x files-noexec/y files-noexec/script)" "no
bound
ran"
contains "$(cat err)" "no program can be run in cache mounts"
COOPER_SCRATCH=noexec exits 3 $alone "$COOPER" build --pull=false --network=host --snapshotter=copy --no-cache -f c/Programs c
contains "$(cat err)" "noexec"
$alone "$COOPER" build --pull=false --network=host -f c/Programs -o files-noexec c >out 2>err || fail "$(cat err)"
equal "$(cat files-noexec/x)" "yes" "the answer of a file system without programs"
# The store on overlayfs.
mkdir lower upper work merged
mount -t overlay overlay -o lowerdir=lower,upperdir=upper,workdir=work merged
trap 'umount -l "$WORK/merged" "$WORK/noexec"' EXIT
export COOPER_ROOT=$WORK/merged/store
make_busybox
build -o type=oci,dest=copies.tar c >out 2>err
contains "$(cat err)" "copies of their whole root"
contains "$(cat err)" "--scratch"
same_tree --ignore-mtime plain.tar copies.tar
build -o type=tar,dest=files-too.tar c >out 2>err || fail "files from the cache: $(cat err)"
equal "$(tar -tf files-too.tar | sort | sha256sum)" "$(tar -tf files.tar | sort | sha256sum)"
build --scratch scratch --no-cache -o type=oci,dest=overlay.tar c >out 2>err
lacks "$(cat err)" "copies of their whole root"
same_tree --ignore-mtime plain.tar overlay.tar
equal "$(own)" ""
