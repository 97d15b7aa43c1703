# A result made with one id is no answer once there are more: RUN could not change owners then.
# roles: user
make_busybox
mkdir c && printf 'FROM busybox\nRUN echo x >/f && chown 5:6 /f || echo refused >/refused\nCOPY Dockerfile /d\n' >c/Dockerfile
build -o type=oci,dest=many.tar c 2>/dev/null
rm -rf "$COOPER_ROOT-one"; export COOPER_ROOT=$COOPER_ROOT-one
# Without newuidmap on PATH there is one id.
snapshotter=${COOPER_SNAPSHOTTER:-}
mkdir bin && for tool in cp mkdir chmod printf ${snapshotter#copy}; do ln -s "$(command -v $tool)" bin/; done
one() { PATH=$WORK/bin "$COOPER" build --pull=false --network=host --progress=plain "$@"; }
mkdir b && cp busybox/busybox b/ && printf '%s\n' 'FROM scratch' 'COPY busybox /bin/busybox' 'RUN ["/bin/busybox", "--install", "-s", "/bin"]' >b/Dockerfile
one -q -t busybox b >/dev/null
one -o type=oci,dest=one.tar c 2>err
contains "$(cat err)" "only one user id"
contains "$(tree_of one.tar)" refused
one -o type=oci,dest=one.tar c 2>err
contains "$(cat err)" CACHED
build -o type=oci,dest=now.tar c 2>err
lacks "$(tree_of now.tar)" refused
