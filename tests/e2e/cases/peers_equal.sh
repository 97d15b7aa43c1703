# The same Dockerfile by cooper and by Debian's buildah: equal trees (times aside) and equal configs where both speak.
# roles: root
make_busybox
cooper save -o busybox.tar busybox
export STORAGE_DRIVER=vfs BUILDAH_ISOLATION=chroot
storage="--root $WORK/containers --runroot $WORK/containers-run"
buildah $storage pull -q "docker-archive:$WORK/busybox.tar" >/dev/null
# A set-id bit in the context is kept by us (COPY-18) and dropped by buildah, so none is here.
mkdir -p c/dir/sub && echo a >c/dir/a && echo b >c/dir/sub/b && ln -s a c/dir/link && chmod 755 c/dir/a && chmod 700 c/dir/sub
cat >c/Dockerfile <<'D'
FROM localhost/busybox AS one
WORKDIR /work/deep
COPY dir /copied/
COPY --chown=12:34 dir/a new-name
COPY dir/a dir/sub/b /flat/
RUN mkdir /made && echo x >/made/x && ln /made/x /made/y && rm /bin/vi && chmod 2770 /made
FROM localhost/busybox
ENV A=b PATH=/bin:/sbin
COPY --from=one /made /kept
COPY --from=one /copied /copied
USER 12:34
EXPOSE 80
VOLUME /v
LABEL k=v
ENTRYPOINT ["/bin/sh"]
CMD ["-c", "true"]
D
cooper tag busybox localhost/busybox
build -o type=oci,dest=ours.tar c >/dev/null 2>&1
# buildah lowers nproc to its own default first, and raising a limit again is refused in some virtual machines.
ulimit_flags="--ulimit nofile=$(ulimit -n):$(ulimit -Hn) --ulimit nproc=32768:32768"
buildah $storage build $ulimit_flags --pull=never -q -t theirs c >/dev/null
buildah $storage push -q theirs "oci-archive:$WORK/theirs.tar" >/dev/null
same_tree --ignore-mtime ours.tar theirs.tar --except 'etc/hosts' --except 'etc/resolv.conf' --except 'run*' --except 'dev*' --except 'proc*' --except 'sys*' --except .
python3 - <<'P'
import sys; sys.path.insert(0, __import__("os").environ["SOURCE"] + "/tests/e2e")
from image_tree import Image
ours, theirs = (Image(p).config()["config"] for p in ("ours.tar", "theirs.tar"))
for key in ("User", "ExposedPorts", "Entrypoint", "Cmd", "Volumes", "WorkingDir"):
    assert ours.get(key) == theirs.get(key), (key, ours.get(key), theirs.get(key))
assert sorted(ours["Env"]) == sorted(theirs["Env"]), (ours["Env"], theirs["Env"])
assert ours["Labels"]["k"] == theirs["Labels"]["k"]
P
