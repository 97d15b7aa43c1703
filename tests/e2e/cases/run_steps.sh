# What a RUN step is given, and what is left of it (rows RUN-*, HEREDOC-08 … 11).
make_busybox
mkdir -p c docker
facts() { python3 - "$1" "$2" <<'P'
import json, sys, tarfile
tar = tarfile.open(sys.argv[1])
blob = lambda digest: json.load(tar.extractfile("blobs/sha256/" + digest.split(":")[1]))
manifest = blob(json.load(tar.extractfile("index.json"))["manifests"][0]["digest"])
config = blob(manifest["config"]["digest"])
print(eval(sys.argv[2]))
P
}

row RUN-11 IMG-15
# /etc of the base has neither hosts nor resolv.conf: they were mounted, and nothing of that is left.
printf 'FROM busybox\nRUN true\nRUN --mount=type=tmpfs,target=/etc/deep/er cat /etc/hosts >/dev/null\n' >c/Dockerfile
build -o type=oci,dest=nothing.tar c >out 2>err || { cat err; fail "steps that change nothing"; }
equal "$(facts nothing.tar 'len(manifest["layers"]), len(set(layer["digest"] for layer in manifest["layers"][-2:]))')" "(5, 1)"

row CACHE-20
# What ran again and gave the same is answered by its older layer, made when it may: but a time that was chosen is content.
again() {  # again WORD DAY: the image of a step that ran because its mount holds WORD
  echo "$1" >c/word
  printf 'FROM busybox\nRUN --mount=source=word,target=/word mkdir /d && echo made >/d/made && touch -d "%s 00:00:00" /d/stamp\n' "$2" >c/Dockerfile
  echo 'RUN ls -l /d >/seen' >>c/Dockerfile
  build -o "type=tar,dest=$1.tar" c >out 2>err || { cat err; fail "again $1"; }
}
again one 2020-01-01
sleep 1.1
again two 2020-01-01
equal "$(grep -c CACHED err)" 1 "$(cat err)"
cmp one.tar two.tar
again three 2024-01-01
contains "$(tar tvf three.tar d/stamp)" 2024-01-01
contains "$(tar xOf three.tar seen)" 2024
mkdir -p times && for year in 2001 2011; do
  echo 1 >times/f && touch -d "$year-01-01" times/f && tar -C times -cf c/times.tar f
  printf 'FROM busybox\nADD times.tar /t/\n' >c/Dockerfile
  build -o type=tar,dest=times.tar c >out 2>err || { cat err; fail "an archive"; }
  contains "$(tar tvf times.tar t/f)" "$year-01-01"
done

row RUN-01 RUN-02 RUN-22
cat >c/Dockerfile <<'D'
FROM busybox
RUN true
RUN ["/bin/sh", "-c", "test \"$0\" = '$HOME'", "$HOME"]
SHELL ["/bin/sh", "-e", "-c"]
RUN true
D
build -o type=oci,dest=image.tar c >build.log 2>&1 || { cat build.log >&2; fail build; }
base=$(cooper inspect busybox | python3 -c 'import json,sys; print(sys.stdin.read().count("RUN"))')
equal "$(facts image.tar '[h["created_by"] for h in config["history"] if "true" in h["created_by"]]')" \
  "['RUN /bin/sh -c true # buildkit', 'RUN /bin/sh -e -c true # buildkit']"
equal "$(facts image.tar 'sum(not h.get("empty_layer") for h in config["history"]) == len(manifest["layers"])')" True

row RUN-03 RUN-04 RUN-05 RUN-06 RUN-12 SEC-08
echo '{"auths": {"r.example": {"auth": "dXNlcjpwYXNzd29yZA=="}}}' >docker/config.json
cat >c/Dockerfile <<D
FROM busybox
RUN echo 'u:x:1000:1000::/home/u:/bin/sh' >>/etc/passwd
ENTRYPOINT ["/bin/false"]
ARG A=arg
ENV E=env
RUN test "\$A\$E" = argenv && test -z "\$LEAK" && test "\$HOME" = /root && test -z "\$(cat)" && test "\$(umask)" = 0022
RUN test -z "\$DOCKER_CONFIG" && test ! -e $WORK/docker/config.json && test ! -e /root/.docker
USER u
WORKDIR /made/by
RUN test "\$HOME" = /home/u && test "\$PWD" = /made/by
USER 4321
RUN test "\$HOME" = / && touch /tmp/by-number
D
LEAK=x DOCKER_CONFIG=$WORK/docker build -o type=oci,dest=image.tar c >build.log 2>&1 || { cat build.log >&2; fail build; }
lacks "$(facts image.tar 'config["config"]["Env"]')" HOME
lacks "$(facts image.tar 'config["config"]["Env"]')" "A="

row RUN-07 RUN-08 RUN-09
cat >c/Dockerfile <<'D'
FROM busybox
RUN echo of-the-image >/etc/kept
RUN test "$(hostname)" = box && grep -q "127.0.0.1.*localhost box" /etc/hosts && grep -q "10.1.2.3.*db" /etc/hosts && ! echo x 2>/dev/null >>/etc/hosts
D
build --build-arg BUILDKIT_SANDBOX_HOSTNAME=box --add-host db:10.1.2.3 -o type=oci,dest=image.tar c >build.log 2>&1 || { cat build.log >&2; fail build; }
lacks "$(tree_of image.tar)" "etc/hosts"
lacks "$(tree_of image.tar)" "etc/resolv.conf"

row RUN-20
printf 'FROM busybox\nRUN echo TRIED; exit 3\n' >c/Dockerfile
for _ in 1 2; do
  exits 1 cooper build --pull=false --network=host --progress=plain c
  contains "$(cat err)" 'process "/bin/sh -c echo TRIED; exit 3" did not complete successfully: exit code: 3'
  grep -q 'TRIED$' err || fail "a failure is not kept"
done

row RUN-16 RUN-21 RUN-25
printf 'FROM busybox\nRUN mkdir /gone /swapped && touch /gone/x /swapped/x\nRUN rm -r /gone /swapped && mkdir /swapped && echo 1 >/tmp/kept && (echo 2 >/background; sleep 600; echo 3 >>/background) & sleep 0.3; rm -rf /swapped; mkdir /swapped\nRUN test "$(cat /background)" = 2 && test ! -e /gone && test -z "$(ls -A /swapped)" && test -e /tmp/kept\n' >c/Dockerfile
build c >build.log 2>&1 || { cat build.log >&2; fail build; }

row RUN-17 RUN-18 SEC-05
printf 'FROM busybox\nRUN --network=host true\n' >c/Dockerfile
exits 3 cooper build --pull=false c
contains "$(cat err)" "network.host is not allowed"
cooper build --pull=false --allow network.host c >/dev/null 2>&1
# Who gives the host's network to all steps allows it.
cooper build --pull=false --network=host --no-cache c >/dev/null 2>&1
printf 'FROM busybox\nRUN --network=none test "$(ls /sys/class/net)" = lo\nRUN --security=insecure true\n' >c/Dockerfile
exits 3 cooper build --pull=false c
contains "$(cat err)" "security.insecure is not allowed"
cooper build --pull=false --network=host --allow security.insecure c >build.log 2>&1 || { cat build.log >&2; fail insecure; }
row SEC-04
exits 2 cooper build --allow everything c
contains "$(cat err)" 'unknown entitlement'

row RUN-23
printf 'FROM busybox\nRUN test "$(df -k /dev/shm | tail -n 1 | tr -s " " | cut -d" " -f2)" = 8192 && test "$(ulimit -n)" = 77\n' >c/Dockerfile
cooper build --pull=false --network=host --shm-size 8m --ulimit nofile=77:99 c >build.log 2>&1 || { cat build.log >&2; fail options; }
cooper build --pull=false --network=host --shm-size 8m --ulimit nofile=77:99 --memory 1g --cpu-shares 2 --cpuset-cpus 0 c >out 2>err || fail "limits"
equal "$(grep -c 'not applied' err)" 1 "notices about limits"

row RUN-24
# A program of another architecture (the header of one is enough) that nothing is registered for.
printf '\177ELF\2\1\1\0\0\0\0\0\0\0\0\0\2\0\26\0\1\0\0\0\0\0\0\0\0\0\0\0\100\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\100\0\70\0\1\0\100\0\0\0\0\0' >c/s390
chmod 755 c/s390
printf 'FROM busybox\nCOPY s390 /s390\nRUN ["/s390"]\n' >c/Dockerfile
if [ ! -e /proc/sys/fs/binfmt_misc/qemu-s390x ]; then
  exits 1 cooper build --pull=false --network=host c
  grep -qi "exec format error" err || fail "$(cat err)"
fi

row HEREDOC-08 HEREDOC-09 HEREDOC-10 HEREDOC-11
cat >c/Dockerfile <<'D'
FROM busybox
ARG A=arg
RUN <<EOF
B=$A
echo $B >/shell
EOF
RUN <<'EOF'
echo $A >/quoted
EOF
RUN <<script
#!/bin/sh
echo "$0 $A" >/script
test ! -w "$0" || echo writable >>/script
script
RUN cat <<one >/one && cat >/two <<two
1 $A
one
2
two
RUN <<EOF
false
true
EOF
SHELL ["/bin/busybox", "ash", "-c"]
RUN <<EOF
test "$(tr '\0' ' ' </proc/$$/cmdline | head -n 1 | cut -c1-22)" = "/bin/busybox ash -c te"
EOF
RUN test "$(cat /shell /quoted /one /two | tr '\n' ' ')" = "arg arg 1 arg 2 " && test "$(head -n 1 /script)" = "/dev/pipes/script arg"
D
build -o type=oci,dest=image.tar c >build.log 2>&1 || { cat build.log >&2; fail heredocs; }
lacks "$(tree_of image.tar)" "dev/pipes"
nothing_left

# A program would get what is before a NUL byte as the whole.
printf '%s\n' 'FROM busybox' 'RUN ["/bin/sh", "-c", "echo kept >/o; \u0000 exit 3"]' >c/Nul
exits 2 build -f c/Nul c
contains "$(cat err)" "an argument of a step holds a NUL byte"
nothing_left
