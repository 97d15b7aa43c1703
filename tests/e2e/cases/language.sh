# What instructions leave in the image: directories, users, heredocs, triggers, history.
make_busybox
mkdir c && echo f >c/f && echo f2 >c/f2
config_of() { python3 "$SOURCE/tests/e2e/image_tree.py" config "$1"; }
entry_of() {  # entry_of IMAGE PATH: "type mode uid:gid"
  tree_of "$1" | sed -n "s|^$2 {|{|p" | jq -r '"\(.type) \(.mode) \(.uid):\(.gid)"'
}
file_of() { tar -xOf "$1" "$2"; }  # of a type=tar output
made() { build "$@" c >/dev/null 2>build.err || { cat build.err; fail "build $*"; }; }

row WORKDIR-02 WORKDIR-03 WORKDIR-05 USER-02 USER-03 USER-04 USER-05 RUN-04
cat >c/Users <<'D'
FROM busybox
RUN echo app:x:1000:1001:App:/home/app:/bin/sh >>/etc/passwd && \
    printf '%s\n' app:x:1001: www:x:33:app wheel:x:10:app,root >>/etc/group
RUN test "$(id -u) $(id -g) $(id -G)" = "0 0 0 10" && test "$HOME" = /root
USER app
WORKDIR /home/app/deep/er
RUN test "$(id -u) $(id -g) $(id -G)" = "1000 1001 1001 10 33" && test "$HOME" = /home/app && test "$PWD" = /home/app/deep/er
RUN touch here
COPY f copied
WORKDIR /tmp
USER 1000
RUN test "$(id -u) $(id -g) $(id -G)" = "1000 1001 1001 10 33"
USER 4242
WORKDIR /number
RUN test "$(id -u) $(id -g) $(id -G)" = "4242 0 0" && test "$HOME" = /
USER app:www
WORKDIR group
RUN test "$(id -u) $(id -g) $(id -G)" = "1000 33 33" && test "$HOME" = /home/app
USER 5:6
RUN test "$(id -u) $(id -g) $(id -G)" = "5 6 6"
USER ghost
WORKDIR /ghost
USER 1000:1001
D
made -f c/Users -o type=oci,dest=users.tar
equal "$(entry_of users.tar home)" "dir 493 1000:1001"
equal "$(entry_of users.tar home/app/deep/er)" "dir 493 1000:1001"
equal "$(entry_of users.tar home/app/deep/er/here)" "file 420 1000:1001"
equal "$(entry_of users.tar home/app/deep/er/copied)" "file 420 0:0"
equal "$(entry_of users.tar tmp)" "dir 1023 0:0" "an existing directory"
equal "$(entry_of users.tar number)" "dir 493 4242:4242"
equal "$(entry_of users.tar number/group)" "dir 493 1000:33"
equal "$(entry_of users.tar ghost)" "dir 493 0:0"
equal "$(config_of users.tar | jq -c '[.config.User, .config.WorkingDir]')" '["1000:1001","/ghost"]'
printf 'FROM busybox\nUSER nobody-here\nRUN true\n' >c/Nobody
exits 1 cooper build --pull=false --network=host -f c/Nobody c
contains "$(cat err)" nobody-here
printf 'FROM scratch\nCOPY --from=busybox /bin/busybox /busybox\nUSER 7\nRUN ["/busybox", "sh", "-c", "test $(/busybox id -u):$(/busybox id -g) = 7:0"]\n' >c/NoFiles
made -f c/NoFiles

row HEREDOC-06 HEREDOC-07 HEREDOC-08 HEREDOC-09 HEREDOC-10 HEREDOC-11 HEREDOC-12 HEREDOC-13 HEREDOC-15
cat >c/Heredocs <<'D'
FROM busybox
ENV v=value
RUN <<EOF
# no comment of the Dockerfile
w=shell
echo "$v" '$v' \
  "$w" >/one
FROM() { :; }
FROM nothing
false
echo last >>/one
EOF
RUN <<-script
	#!/bin/sh
	echo "$0 $v" >/two
	! echo x >>"$0"
	script
RUN cat <<A >/three && cat <<'B' >>/three
$v
A
$v
B
SHELL ["/bin/sh", "-c", "printf %s \"$1\" >/four", "argument"]
RUN <<EOF
any "text"
EOF
COPY <<plain <<"raw" <<empty f /d/
$v '$v' "\$v" $unset.
plain
$v
raw
empty
COPY --chmod=4750 --chown=7:8 <<name /exact
x
name
D
made -f c/Heredocs -o type=oci,dest=heredocs.tar -o type=tar,dest=heredocs.files
equal "$(file_of heredocs.files one)" "value \$v shell
last"
equal "$(file_of heredocs.files two)" "/dev/pipes/script value"
equal "$(file_of heredocs.files three)" "value
\$v"
equal "$(file_of heredocs.files four; echo .)" 'any "text"
.'
equal "$(file_of heredocs.files d/plain)" "value 'value' \"\$v\" ."
equal "$(file_of heredocs.files d/raw)" '$v'
equal "$(file_of heredocs.files d/empty)" ''
equal "$(entry_of heredocs.tar d/plain)" "file 420 0:0"
equal "$(entry_of heredocs.tar exact)" "file 2536 7:8"
lacks "$(tree_of heredocs.tar | cut -d' ' -f1)" pipes
# A body is part of the key.
sed -i 's/^last$/later/; s/echo last/echo later/' c/Heredocs
made -f c/Heredocs
contains "$(cat build.err)" "(# no comment of the Dockerfile"
lacks "$(grep -A1 "(# no comment of the Dockerfile" build.err)" CACHED

row CACHE-06 CACHE-12 CACHE-19
cat >c/Content <<'D'
FROM busybox AS made
ARG V
RUN echo "$V" >/changes; echo same >/same
FROM busybox
COPY --from=made /same /same
RUN echo upon-it
D
made -f c/Content --build-arg V=1
made -f c/Content --build-arg V=2
lacks "$(grep -A1 'RUN echo "$V"' build.err)" CACHED
contains "$(grep -A1 'COPY --from=made' build.err || grep -A1 'COPY /same' build.err)" CACHED
contains "$(grep -A1 'RUN echo upon-it' build.err)" CACHED

row FROM-13 ARG-06 ARG-11
cat >c/Inherited <<'D'
ARG G=global
FROM busybox AS parent
ARG G
ARG K=kept
ENV E=env
FROM parent
RUN test "$K $G $E" = "kept global env"
FROM busybox
RUN test "$K$G$E" = ""
COPY --from=1 /bin/sh /sh
D
made -f c/Inherited
made -f c/Inherited --target parent -o type=oci,dest=parent.tar
equal "$(config_of parent.tar | jq -r '.config.Env[]' | grep '^[GKE]=')" E=env

row CACHE-08
# The same words, and another id behind the name.
printf 'FROM busybox\nARG id\nRUN echo "app:x:$id:$id::/:/bin/sh" >>/etc/passwd\nCOPY --chown=app f /owned\n' >c/Named
for id in 1001 1002; do
  made -f c/Named --build-arg id=$id -o type=oci,dest=named.tar
  equal "$(entry_of named.tar owned)" "file 420 $id:$id"
done

row VOLUME-02
printf 'FROM busybox\nVOLUME /v\nRUN mkdir -p /v && echo run >/v/run\nCOPY f /v/\nRUN test -f /v/run && test -f /v/f\n' >c/Volume
made -f c/Volume -o type=oci,dest=volume.tar
equal "$(entry_of volume.tar v/run)" "file 420 0:0"
equal "$(entry_of volume.tar v/f)" "file 420 0:0"

row ONBUILD-01 ONBUILD-03 ONBUILD-04 ONBUILD-05 EXP-19
cat >c/Triggers <<'D'
FROM busybox
ENV who=base
ONBUILD ARG extra=none
ONBUILD COPY f /from-child
ONBUILD COPY --from=tools /tool /tool
ONBUILD RUN <<EOF
echo "$who $extra" >/triggered
EOF
RUN ! test -e /triggered
D
cat >c/Child <<'D'
FROM busybox AS tools
RUN echo tool >/tool
FROM triggers
RUN test -f /triggered && test -f /tool && test -f /from-child
D
printf 'FROM child\nRUN rm /triggered\n' >c/Grandchild
made -f c/Triggers -t triggers -o type=oci,dest=triggers.tar
equal "$(config_of triggers.tar | jq -c '.config.OnBuild')" \
  '["ARG extra=none","COPY f /from-child","COPY --from=tools /tool /tool","RUN <<EOF\necho \"$who $extra\" >/triggered\nEOF"]'
lacks "$(config_of triggers.tar | jq -r '.history[].created_by')" ONBUILD
made -f c/Child -t child --build-arg extra=given -o type=oci,dest=child.tar -o type=tar,dest=child.files
contains "$(cat build.err)" "ONBUILD COPY f /from-child"
equal "$(file_of child.files triggered)" "base given"
equal "$(config_of child.tar | jq -c '.config.OnBuild')" null
contains "$(config_of child.tar | jq -r '.history[].created_by')" "COPY f /from-child # buildkit"
made -f c/Grandchild -o type=oci,dest=grandchild.tar
equal "$(entry_of grandchild.tar triggered)" ""
printf 'FROM busybox\nONBUILD COPY missing /x\n' >c/BadTrigger
made -f c/BadTrigger -t bad-trigger
row ONBUILD-06
printf '# one\nFROM bad-trigger\n' >c/BadChild
exits 1 cooper build --pull=false -f c/BadChild c
contains "$(cat err)" "BadChild:2"

row RUN-02 IMG-01 IMG-02 IMG-03 IMG-04 IMG-06 IMG-07 IMG-15 CMD-06 SHELL-04 LABEL-03
cat >c/History <<'D'
ARG G=1
FROM busybox
ARG A=1
RUN true
ENV E="x y"
WORKDIR /
WORKDIR /w
LABEL k=v
HEALTHCHECK --interval=90s CMD ["ok"]
STOPSIGNAL 9
USER u
EXPOSE 80/UDP 1
CMD ["a", "b"]
D
made -f c/History --label cli=1 -o type=oci,dest=history.tar
config=$(config_of history.tar)
last() { jq -r ".history[-$1].$2" <<<"$config"; }
equal "$(last 1 created_by)" 'CMD ["a" "b"]'
equal "$(last 2 created_by)" 'EXPOSE [1/tcp 80/udp]'
equal "$(last 5 created_by)" 'HEALTHCHECK {Test:[CMD ok] Interval:1m30s Timeout:0s StartPeriod:0s StartInterval:0s Retries:0}'
equal "$(last 10 created_by)" 'RUN |1 A=1 /bin/sh -c true # buildkit'
equal "$(last 11 created_by)" 'ARG A=1'
equal "$(jq '[.history[] | select(.empty_layer != true)] | length' <<<"$config")" "$(jq '.rootfs.diff_ids | length' <<<"$config")"
equal "$(jq -r '.created' <<<"$config")" "$(last 1 created)"
equal "$(last 1 created)" "$(last 7 created)" "time of metadata after WORKDIR"
equal "$(last 11 created)" "$(last 10 created)" "time of metadata before RUN"
equal "$(jq -c '.config.Labels' <<<"$config")" '{"cli":"1","k":"v"}'
equal "$(jq -c '[.config.StopSignal, .config.ExposedPorts, .config.Healthcheck, .config.Cmd, .config.ArgsEscaped]' <<<"$config")" \
  '["9",{"1/tcp":{},"80/udp":{}},{"Test":["CMD","ok"],"Interval":90000000000},["a","b"],true]'
equal "$(jq -r '.config.Env[0]' <<<"$config")" PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
created=$(jq -r .created <<<"$config")
sleep 1.1
made -f c/History --label cli=1 -o type=oci,dest=again.tar
equal "$(config_of again.tar | jq -r .created)" "$created" "time of a cached build"
cmp history.tar again.tar

row PLAT-04 PLAT-06 PLAT-07
printf 'FROM scratch\nCOPY f /\n' >c/Scratch
printf 'FROM busybox\nCOPY f /\n' >c/Platform
platform_of() { config_of "$1" | jq -r '[.os, .architecture, .variant // empty] | join("/")'; }
made -f c/Scratch -o type=oci,dest=native.tar
equal "$(platform_of native.tar)" "$(config_of users.tar | jq -r '.os + "/" + .architecture')"
made -f c/Scratch --platform linux/arm/v6 -o type=oci,dest=arm.tar
equal "$(platform_of arm.tar)" linux/arm/v6
made -f c/Platform --platform linux/s390x -o type=oci,dest=s390x.tar
equal "$(platform_of s390x.tar)" linux/s390x
contains "$(cat build.err)" InvalidBaseImagePlatform

row WORKDIR-06 REPRO-01 REPRO-05 REPRO-06 REPRO-11 ARG-16
cat >c/Epoch <<'D'
ARG SOURCE_DATE_EPOCH=1000000000
FROM busybox
RUN echo no-epoch
WORKDIR /w
ARG SOURCE_DATE_EPOCH
RUN echo "epoch $SOURCE_DATE_EPOCH"
D
made -f c/Epoch -o type=oci,dest=epoch.tar
equal "$(config_of epoch.tar | jq -r .created)" 2001-09-09T01:46:40Z
equal "$(tar -xOf epoch.tar index.json | jq -r '.manifests[0].annotations["org.opencontainers.image.created"]')" 2001-09-09T01:46:40Z
contains "$(cat build.err)" "epoch 1000000000"
equal "$(tree_of epoch.tar | sed -n 's/^w {/{/p' | jq .mtime)" 1000000000
made -f c/Epoch --build-arg SOURCE_DATE_EPOCH=1000000001 -o type=oci,dest=epoch.tar
equal "$(tree_of epoch.tar | sed -n 's/^w {/{/p' | jq .mtime)" 1000000001
contains "$(grep -A1 'RUN echo no-epoch' build.err)" CACHED
lacks "$(grep -A1 'WORKDIR /w' build.err)" CACHED
nothing_left
