# Push, then read back by skopeo and by cooper: the same manifest digest; base blobs pulled only when read.
make_busybox
start_registry
mkdir c && printf 'FROM busybox\nCOPY f /f\n' >c/Dockerfile && echo f >c/f
digest=$(build -t "$REGISTRY/team/app:1" --push c 2>/dev/null)
equal "$(skopeo inspect --tls-verify=false --format '{{.Digest}}' "docker://$REGISTRY/team/app:1")" "$digest" "pushed digest"
skopeo copy -q --src-tls-verify=false "docker://$REGISTRY/team/app:1" "oci:$WORK/pulled:1"
export COOPER_ROOT=$WORK/elsewhere
equal "$(cooper pull "$REGISTRY/team/app:1" 2>/dev/null)" "$digest" "pulled digest"
equal "$(cooper pull -q "$REGISTRY/team/app:1" 2>&1)" "$digest" "pulled quietly"
# A build upon it in a new store, and an equal push.
export COOPER_ROOT=$WORK/third
printf 'FROM %s/team/app:1\nRUN test -f /f && echo g >/g\n' "$REGISTRY" >c/On
build -f c/On -t "$REGISTRY/team/next:1" --push c 2>/dev/null >next
equal "$(skopeo inspect --tls-verify=false --format '{{.Digest}}' "docker://$REGISTRY/team/next:1")" "$(cat next)"
cooper push "$REGISTRY/team/next:1" "$REGISTRY/other/copy:2" >/dev/null
skopeo inspect --tls-verify=false "docker://$REGISTRY/other/copy:2" >/dev/null
row FROM-22 CACHE-17
# A tag that moved runs the steps upon it again; another tag of the same image does not.
printf 'FROM %s/team/moving:1\nRUN cat /f >/copied\n' "$REGISTRY" >c/Moving
moving() { cooper build --network=host --progress=plain -f c/Moving "$@" c >/dev/null 2>moving.err || { cat moving.err; fail "$*"; }; }
cooper push "$REGISTRY/team/next:1" "$REGISTRY/team/moving:1" >/dev/null
moving -o moved.first && moving
contains "$(grep -A1 'RUN cat' moving.err)" CACHED
printf 'FROM %s/team/app:1\nCOPY f /f\n' "$REGISTRY" >c/Newer && echo newer >c/f
build -f c/Newer -t "$REGISTRY/team/moving:1" --push c >/dev/null 2>&1
cooper rmi "$REGISTRY/team/moving:1" >/dev/null
moving -o moved.second
lacks "$(grep -A1 'RUN cat' moving.err)" CACHED
equal "$(cat moved.first/copied moved.second/copied)" "f
newer"
cooper push "$REGISTRY/team/next:1" "$REGISTRY/team/moving:1" >/dev/null
moving
contains "$(grep -A1 'RUN cat' moving.err)" CACHED
# Nothing of the base is needed to make this image, and all of it to write it down. Not by `build`: a comparison with a peer
# would fetch the layers into this store.
printf 'FROM %s/team/app:1\nENV A=b\n' "$REGISTRY" >c/Meta
for output in type=oci,dest=meta.tar type=docker,dest=meta.docker.tar "type=image,name=$REGISTRY/team/meta:1,push=true"; do
  export COOPER_ROOT=$(mktemp -d "$WORK/meta-XXXXXX")
  "$COOPER" build --pull=false --network=host -f c/Meta -o "$output" c >/dev/null 2>&1 || fail "a base that was not pulled yet can't be exported: $output"
done
skopeo inspect "oci-archive:$WORK/meta.tar" >/dev/null
# Pushed to the registry that has its base, in another repository: the layers are mounted there, neither fetched nor sent.
layers=$(skopeo inspect --tls-verify=false "docker://$REGISTRY/team/app:1" | jq -r '.Layers[]')
for layer in $layers; do
  lacks "$(find "$COOPER_ROOT" -type f)" "${layer#sha256:}"
done
equal "$(skopeo inspect --tls-verify=false "docker://$REGISTRY/team/meta:1" | jq -r '.Layers[]')" "$layers" "layers of the base"
skopeo copy -q --src-tls-verify=false "docker://$REGISTRY/team/meta:1" "oci:$WORK/mounted:1"
# What was built without a name is completed from there when it gets one, quietly where asked for.
for way in "tag % meta:1" "push -q % $REGISTRY/team/meta:2"; do
  export COOPER_ROOT=$WORK/unnamed-${way%% *}
  unnamed=$("$COOPER" build -q -f c/Meta c 2>/dev/null)
  for layer in $layers; do lacks "$(find "$COOPER_ROOT" -type f)" "${layer#sha256:}"; done
  cooper ${way/\%/$unnamed} >/dev/null 2>told
  [ "${way%% *}" = tag ] || equal "$(cat told)" "" "told by push -q"
  for layer in $layers; do contains "$(find "$COOPER_ROOT" -type f)" "${layer#sha256:}"; done
  cooper store verify
done
export COOPER_ROOT=$WORK/third
# A name nobody has, and a registry that is down.
printf 'FROM %s/team/none:1\n' "$REGISTRY" >c/None
exits 1 cooper build -f c/None c
contains "$(cat err)" "none:1"
kill "$REGISTRY_PID" && wait "$REGISTRY_PID" || true
exits 3 cooper build --retries 0 -f c/None c
contains "$(cat err)" "$REGISTRY"
cooper store verify
