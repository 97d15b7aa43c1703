# Layers of a base are read where they lie, in another store or an OCI layout, and copied only for a name.
make_busybox
start_registry
cooper tag busybox "$REGISTRY/base:1" && cooper push "$REGISTRY/base:1" >/dev/null
export COOPER_ROOT=$WORK/theirs
cooper pull -q "$REGISTRY/base:1" >/dev/null
skopeo copy -q "docker://$REGISTRY/base:1" oci:layout:1 --src-tls-verify=false
mkdir c && printf 'FROM %s/base:1\nRUN echo 1 >/made && rm /bin/wget\n' "$REGISTRY" >c/Dockerfile
cooper build --network=host -o type=oci,dest=expected.tar c >/dev/null 2>&1
# A layout that is gone again does not stand before the registry.
digest=$(skopeo inspect --tls-verify=false --format '{{.Digest}}' "docker://$REGISTRY/base:1")
cp -r layout gone
export COOPER_ROOT=$WORK/store-gone
printf 'FROM x\nCOPY Dockerfile /\n' >c/Gone
cooper build --network=host --build-context "x=oci-layout://$WORK/gone:1" -f c/Gone c >/dev/null 2>&1
rm -r gone
printf 'FROM %s/base@%s\nRUN echo 2 >/made\n' "$REGISTRY" "$digest" >c/Gone
cooper build --network=host -f c/Gone c >/dev/null 2>err || fail "$(cat err)"
# Where the base is said to be there are no layers any more.
largest=$(find registry -name data -size +100k)
[ -n "$largest" ] || fail "no layer in the registry"
rm $largest
before=$(cd theirs && find blobs tables cooper.db -type f | sort | xargs sha256sum)
fresh() { export COOPER_ROOT=$WORK/store-$1; }
large() { find "$COOPER_ROOT/blobs" -size +100k; }
inside() { cooper build --network=host "$@" c >/dev/null 2>err || fail "$(cat err)"; }
for place in theirs layout; do
  export COOPER_ADDITIONAL_STORES=$WORK/nobody-needs-this-one:$place
  mkdir -p nobody-needs-this-one
  fresh "oci-$place"
  inside -o type=oci,dest=made.tar
  same_tree --ignore-mtime expected.tar made.tar
  equal "$(large)" "" "layers in a store that has no need of them"
  cooper store verify >verify.out || fail "$(cat verify.out)"
  inside --no-cache -o type=tar,dest=files.tar
  tar -tf files.tar >names && grep -q '^made$' names || fail "files: $(head names)"
  equal "$(large)" ""
  # What has a name is whole.
  inside -t named
  [ -n "$(large)" ] || fail "a name without its layers"
  env -u COOPER_ADDITIONAL_STORES "$COOPER" save named -o named.tar
  same_tree --ignore-mtime made.tar named.tar
  fresh "pull-$place"
  cooper pull -q "$REGISTRY/base:1" >/dev/null
  fresh "unnamed-$place"
  id=$(cooper build --network=host -q c 2>err)
  equal "$(large)" ""
  cooper tag "$id" later && env -u COOPER_ADDITIONAL_STORES "$COOPER" save later -o later.tar
  same_tree --ignore-mtime expected.tar later.tar
done
equal "$(cd theirs && find blobs tables cooper.db -type f | sort | xargs sha256sum)" "$before" "what is in the other store"
unset COOPER_ADDITIONAL_STORES
# A layout given as a context is not copied either.
fresh context
inside --build-context "$REGISTRY/base:1=oci-layout://$WORK/layout:1" -o type=oci,dest=made.tar
same_tree --ignore-mtime expected.tar made.tar
equal "$(large)" ""
row CTX-08
# Nothing is believed.
export COOPER_ADDITIONAL_STORES=theirs
victim=$(find theirs/blobs -size +100k | head -1)
chmod u+w "$victim"; printf x | dd of="$victim" bs=1 seek=5000 conv=notrunc 2>/dev/null
fresh damaged
exits 3 build c
contains "$(cat err)" "$(basename "$victim")"
equal "$(large)" ""
[ -z "$(ls "$COOPER_ROOT/tables" 2>/dev/null)" ] || fail "a table of a damaged layer"
# One that is cut short counts as absent, and so does none at all.
truncate -s 1000 "$victim"
exits 1 build c
contains "$(cat err)" "$(basename "$victim")"
COOPER_ADDITIONAL_STORES=layout inside -o type=oci,dest=made.tar
same_tree --ignore-mtime expected.tar made.tar
# One that can't be looked into is passed over, and said to be.
mkdir odd && ln -s "$WORK/layout/blobs" odd/blobs
fresh odd
COOPER_ADDITIONAL_STORES=odd:layout inside -o type=oci,dest=made.tar
contains "$(cat err)" "layers in $WORK/odd are not used"
COOPER_ADDITIONAL_STORES=$WORK/nowhere exits 2 build c
contains "$(cat err)" "$WORK/nowhere"
kill "$REGISTRY_PID"
