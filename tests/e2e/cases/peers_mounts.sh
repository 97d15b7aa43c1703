# RUN --mount by cooper and by Debian's buildah: what steps make of what they see is the same.
# roles: root
make_busybox
cooper save -o busybox.tar busybox
export STORAGE_DRIVER=vfs BUILDAH_ISOLATION=chroot
storage="--root $WORK/containers --runroot $WORK/containers-run"
buildah $storage pull -q "docker-archive:$WORK/busybox.tar" >/dev/null
cooper tag busybox localhost/busybox
mkdir -p c/dir/sub && echo a >c/dir/a && echo b >c/dir/sub/b && ln -s a c/dir/link && chmod 750 c/dir/a
printf %s peer-secret >secret.txt
cat >c/Dockerfile <<'D'
FROM localhost/busybox AS one
RUN mkdir /made && echo x >/made/x && chown 12:34 /made/x
FROM localhost/busybox
RUN --mount=type=bind,source=dir,target=/d cp -r /d /copied && stat -c '%n %a %u:%g' /d/a /d/sub/b >/seen
RUN --mount=type=bind,from=one,source=/made,target=/m cp -p /m/x /x
RUN --mount=type=bind,from=one,source=/made,target=/m,rw echo y >/m/x && cp /m/x /y
RUN --mount=type=cache,target=/c echo 1 >/c/x && cp /c/x /from-cache
RUN --mount=type=cache,target=/c cat /c/x >/cached
RUN --mount=type=tmpfs,target=/t touch /t/x && ls /t >/in-tmpfs
RUN --mount=type=secret,id=s sha256sum </run/secrets/s >/sum
RUN --mount=type=secret,id=s,target=/etc/token,mode=0440,uid=5,gid=6 stat -c '%a %u:%g' /etc/token >/mode
D
row MNT-09 MNT-10 MNT-13 MNT-15 MNT-20
build --secret id=s,src=secret.txt -o type=oci,dest=ours.tar c >build.log 2>&1 || { cat build.log >&2; fail ours; }
ulimit_flags="--ulimit nofile=$(ulimit -n):$(ulimit -Hn) --ulimit nproc=32768:32768"
buildah $storage build $ulimit_flags --pull=never -q --secret id=s,src=secret.txt -t theirs c >theirs.log 2>&1 || { cat theirs.log >&2; fail theirs; }
buildah $storage push -q theirs "oci-archive:$WORK/theirs.tar" >/dev/null
# buildah leaves its mount points behind.
same_tree --ignore-mtime ours.tar theirs.tar --except 'etc/host*' --except 'etc/resolv.conf' --except 'etc/token' --except 'run*' \
  --except 'dev*' --except 'proc*' --except 'sys*' --except c --except d --except m --except t --except .
