# cooper inside a container of a real engine: its store on the container's own overlay root, where overlays are refused,
# with and without another place for the roots of RUN steps, by fuse-overlayfs, and on a volume. The same image from all, which is the one made outside.
# roles: root
make_busybox
mkdir -p files/etc files/tmp files/proc files/sys files/dev files/work files/usr context
for name in bin sbin lib lib64; do ln -s "usr/$name" "files/$name"; done
mkdir host && tar -C files -cf host/files.tar . && printf 'FROM scratch\nADD files.tar /\n' >host/Dockerfile
build -q -t host:1 -o type=docker,dest=host.tar host >/dev/null 2>&1
cp busybox/busybox context/
cat >context/Dockerfile <<'D'
FROM scratch AS base
COPY busybox /bin/busybox
RUN ["/bin/busybox", "--install", "-s", "/bin"]
RUN mkdir /d /gone && echo 1 >/d/a && echo 2 >/d/b && ln /d/b /d/c && touch /gone/x
FROM base AS other
RUN rm -r /gone && echo 3 >>/d/c && chmod 4711 /d/a && mv /d/b /d/moved
FROM base
COPY --from=other /d /other
RUN --mount=type=bind,from=other,target=/m,rw --mount=type=cache,target=/cache \
  test ! -e /m/gone && touch /m/new /cache/new && cat /m/d/moved /m/d/c >/read && rm -r /gone && mkdir /gone && touch /gone/y
RUN --mount=type=bind,target=/c <<E
#!/bin/sh
/c/busybox echo ran >/script
E
D
start_docker
engine load -q -i host.tar >/dev/null
inside() {  # inside ARCHIVE ARGUMENT...: builds in a container
  local archive=$1 && shift
  engine run --rm --network host --security-opt seccomp=unconfined --security-opt apparmor=unconfined \
    --security-opt systempaths=unconfined -v /usr:/usr:ro -v "$WORK/context:/work:ro" -v "$COOPER:/cooper:ro" -v "$WORK:/out" \
    -e COOPER_ROOT=/tmp/store "$@" host:1 /cooper build --network=host --progress=plain \
    -o "type=oci,dest=/out/$archive" /work >"$archive.id" 2>"$archive.err" || { cat "$archive.err" >&2; fail "inside, $archive"; }
}
inside overlay.tar
contains "$(cat overlay.tar.err)" "copies of their whole root"
inside scratch.tar -e COOPER_SCRATCH=/dev/shm
lacks "$(cat scratch.tar.err)" "copies of their whole root"
inside fuse.tar --device /dev/fuse -e COOPER_SNAPSHOTTER=fuse-overlayfs
contains "$(cat fuse.tar.err)" "through fuse-overlayfs"
engine volume create store >/dev/null
inside volume.tar -v store:/tmp/store
lacks "$(cat volume.tar.err)" "copies of their whole root"
build -o type=oci,dest=outside.tar context >/dev/null 2>&1
same_tree --ignore-mtime overlay.tar outside.tar
same_tree --ignore-mtime scratch.tar outside.tar
same_tree --ignore-mtime fuse.tar outside.tar
same_tree --ignore-mtime volume.tar outside.tar
inside again.tar -v store:/tmp/store
equal "$(cat again.tar.id)" "$(cat volume.tar.id)"
contains "$(cat again.tar.err)" CACHED
