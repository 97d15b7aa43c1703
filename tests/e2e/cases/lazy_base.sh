# A base layer that no step reads stays in its registry until the image goes somewhere else; then it is fetched.
make_busybox
start_registry
cooper tag busybox "$REGISTRY/base:1" && cooper push "$REGISTRY/base:1" >/dev/null
mkdir c && printf 'FROM %s/base:1\nENV A=b\n' "$REGISTRY" >c/Dockerfile
printf 'FROM %s/base:1\nCOPY --link Dockerfile /d\n' "$REGISTRY" >c/Link
build -t expected c >/dev/null 2>&1
cooper save expected -o expected.tar
fresh() { export COOPER_ROOT=$WORK/store-$1; }
for file in Dockerfile Link; do
  fresh "oci-$file";    cooper build --network=host -f "c/$file" -o type=oci,dest=oci.tar c 2>err >/dev/null || fail "$(cat err)"
  fresh "docker-$file"; cooper build --network=host -f "c/$file" -o type=docker,dest=docker.tar c 2>/dev/null >/dev/null
  fresh "name-$file";   cooper build --network=host -f "c/$file" -t local c 2>/dev/null >/dev/null
  cooper save local -o saved.tar
  fresh "push-$file";   cooper build --network=host -f "c/$file" -t "$REGISTRY/other/app:1" --push c 2>/dev/null >/dev/null
  skopeo copy -q --src-tls-verify=false "docker://$REGISTRY/other/app:1" oci-archive:pushed.tar
  for archive in docker.tar saved.tar pushed.tar; do same_tree oci.tar "$archive"; done
  cooper store verify >/dev/null
done
fresh "oci-Dockerfile"; cooper build --network=host -f c/Dockerfile -o type=oci,dest=oci.tar c 2>/dev/null >/dev/null
same_tree oci.tar expected.tar
# Without a home to look for credentials in.
env -u HOME "$COOPER" build --network=host -q c >/dev/null
kill "$REGISTRY_PID"
