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
WORKDIR /srv/deep
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
# What only Docker's config can hold, and what stages hand down. Left out, because this buildah differs from the
# reference: ranges of EXPOSE, SHELL in ENTRYPOINT's shell form and in stages upon its own, ARG of a parent stage.
row CMD-01 CMD-03 ENV-01 ENV-04 EXPOSE-01 HEALTH-01 HEALTH-02 HEALTH-03 LABEL-02 ONBUILD-01 SHELL-02 STOP-02 USER-01 VOLUME-01 WORKDIR-01 FROM-13 ARG-03 ARG-11
cat >c/Config <<'D'
ARG G=global
FROM localhost/busybox AS parent
ARG G
ARG K=kept
ENV A=1 B="two words" C=x\ y
ENV A=3 D=$G-$K
WORKDIR /work
WORKDIR sub/../deep/
LABEL k=1 l=$G
EXPOSE 80 53/udp
VOLUME ["/v", "/w x"]
CMD ["parent"]
FROM parent
SHELL ["/bin/sh", "-ec"]
LABEL k=2
ENTRYPOINT ["run", "$A"]
HEALTHCHECK --interval=90s --timeout=1m --retries=2 CMD check me
STOPSIGNAL SIGUSR1
USER 12:34
ONBUILD RUN touch /triggered
ONBUILD ENV T=1
D
build -f c/Config -o type=oci,dest=config.tar c >/dev/null 2>&1
buildah $storage build $ulimit_flags --format docker --pull=never -q -t config -f c/Config c >/dev/null
buildah $storage inspect --type image config | jq '.Docker.config' >theirs.json
python3 "$SOURCE/tests/e2e/image_tree.py" config config.tar | jq '.config' >ours.json
for member in User WorkingDir Entrypoint Cmd Shell StopSignal OnBuild ExposedPorts Volumes; do
  equal "$(jq -cS ".$member // []" ours.json)" "$(jq -cS ".$member // []" theirs.json)" "$member"
done
equal "$(jq -c '.Env | sort' ours.json)" "$(jq -c '.Env | sort' theirs.json)" Env
equal "$(jq -c '.Healthcheck | [.Test, .Interval, .Timeout, .Retries]' ours.json)" \
  "$(jq -c '.Healthcheck | [.Test, .Interval, .Timeout, .Retries]' theirs.json)" Healthcheck
equal "$(jq -c '[.Labels.k, .Labels.l]' ours.json)" '["2","global"]'
equal "$(jq -c '[.Labels.k, .Labels.l]' theirs.json)" '["2","global"]'
