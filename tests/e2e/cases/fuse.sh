# roles: user
# --snapshotter=fuse-overlayfs makes what the kernel's overlays make: where the file system takes their marks of removed files,
# and where it does not and names do instead. (In a container whose file system refuses overlays: contained.sh.)
make_busybox
mkdir c
cat >c/Dockerfile <<'D'
FROM busybox AS other
RUN mkdir /d && echo 1 >/d/a && echo 2 >/d/b && ln /d/b /d/c && chown 5:6 /d/a && mkfifo /d/p && ln -s a /d/s
FROM busybox
RUN mkdir -p /gone/deep /kept /moved/in && touch /gone/x /gone/deep/y /kept/a /kept/b /moved/in/f && ln /kept/a /kept/link
COPY --from=other /d /other
# Directories made again, files in the place of directories and back, a directory of a layer below renamed.
RUN rm -r /gone && mkdir /gone && touch /gone/y && rm /kept/b && rm /bin/wget && mv /moved /renamed && rm -r /other && echo >/other
RUN rm -r /renamed /other && mkdir /other && touch /kept/b && echo more >>/kept/link && chmod 4711 /kept/a && rmdir /gone 2>/dev/null || rm -r /gone
RUN touch -d @1500000000 /kept && mkdir -m 1777 /t && touch -h -d @1500000000 /t && mkfifo -m 600 /t/p && ln -s nowhere /t/l
USER 7:8
RUN id -u >/t/who && ! touch /kept/no 2>/dev/null && ! rm /bin/sh 2>/dev/null
USER 0
RUN --mount=type=bind,from=other,target=/m,rw --mount=type=bind,from=other,source=/d/b,target=/one --mount=type=bind,target=/c,rw \
  --mount=type=cache,target=/cache rm /m/d/a && touch /c/new /cache/new && cat /one /m/d/b >/read && stat -c '%u:%g' /m/d/b >>/read
D
made() { build --no-cache -o "type=oci,dest=$1.tar" --snapshotter="$2" c >"$1.out" 2>"$1.err" || { cat "$1.err" >&2; fail "$1"; }; }
made kernel overlay
made marks fuse-overlayfs
same_tree --ignore-mtime kernel.tar marks.tar
FUSE_OVERLAYFS_DISABLE_OVL_WHITEOUT=1 made names fuse-overlayfs
same_tree --ignore-mtime kernel.tar names.tar
[ -n "$(find "$COOPER_ROOT"/trees/*-named -name '.wh.*' 2>/dev/null | head -n 1)" ] || fail "no file was hidden by a name"
# Layers that came from elsewhere are unpacked with marks. What was built so answers for such builds alone.
cooper build --network=host -q -t there:1 c >/dev/null
cooper save -o there.tar there:1
export COOPER_ROOT=$WORK/other
cooper load -q -i there.tar >/dev/null
printf 'FROM there:1\nRUN ls -A / /kept /bin >/seen && rm /seen && ls -AR / >/seen 2>/dev/null; test ! -e /gone -a ! -e /bin/wget\n' >c/Next
build --snapshotter=fuse-overlayfs -f c/Next c >/dev/null 2>err || { cat err >&2; fail "over a loaded image"; }
build --snapshotter=fuse-overlayfs -f c/Next c >/dev/null 2>err
contains "$(cat err)" CACHED
build --snapshotter=copy -f c/Next c >/dev/null 2>err
lacks "$(cat err)" CACHED
# A step that fails or is killed leaves no program and no mount.
printf 'FROM there:1\nRUN exit 7\n' >c/Fails
exits 1 build --snapshotter=fuse-overlayfs -f c/Fails c
contains "$(cat err)" "exit code: 7"
printf 'FROM there:1\nRUN sleep 60\n' >c/Sleeps
"$COOPER" build --pull=false --network=host --snapshotter=fuse-overlayfs -f c/Sleeps c >/dev/null 2>&1 & pid=$!
for _ in $(seq 100); do pgrep -u "$(id -u)" fuse-overlayfs >/dev/null && break; sleep 0.1; done
kill -9 "$pid"; wait "$pid" 2>/dev/null || true
for _ in $(seq 50); do pgrep -u "$(id -u)" fuse-overlayfs >/dev/null || break; sleep 0.1; done
! pgrep -u "$(id -u)" fuse-overlayfs || fail "the program outlives the build"
nothing_left
# Without the program.
mkdir -p bin && for name in newuidmap newgidmap; do ln -s "$(command -v "$name")" bin/; done
exits 1 env PATH="$WORK/bin" "$COOPER" build --pull=false --network=host --snapshotter=fuse-overlayfs --no-cache -f c/Fails c
contains "$(cat err)" "fuse-overlayfs is not installed"
