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

# A base whose root directory belongs to nobody we have: a stand-in, as for every other file.
export COOPER_ROOT=${COOPER_ROOT%-one}
build -q -o type=oci,tar=false,dest=ours busybox >/dev/null
python3 - <<'P'
import gzip, hashlib, io, json, tarfile
blobs = "ours/blobs/sha256/"
read = lambda row: open(blobs + row["digest"][7:], "rb").read()
def put(row, data):
    row.update(digest="sha256:" + hashlib.sha256(data).hexdigest(), size=len(data))
    open(blobs + row["digest"][7:], "wb").write(data)
index = json.load(open("ours/index.json"))
manifest = json.loads(read(index["manifests"][0]))
config = json.loads(read(manifest["config"]))
text = io.BytesIO()
with tarfile.open(fileobj=text, mode="w") as tar:
    root = tarfile.TarInfo("./")
    root.type, root.mode, root.uid, root.gid = tarfile.DIRTYPE, 0o755, 4000000, 4000001
    tar.addfile(root)
manifest["layers"].append({"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip"})
put(manifest["layers"][-1], gzip.compress(text.getvalue()))
config["rootfs"]["diff_ids"].append("sha256:" + hashlib.sha256(text.getvalue()).hexdigest())
config["history"].append({"created_by": "root"})
put(manifest["config"], json.dumps(config).encode())
put(index["manifests"][0], json.dumps(manifest).encode())
json.dump(index, open("ours/index.json", "w"))
P
printf 'FROM theirs\nRUN echo y >/y && { chmod 711 / || touch -d @5 /; }\n' >c/Dockerfile
build --build-context "theirs=oci-layout://$WORK/ours" -o type=oci,tar=false,dest=made c
layer=$(jq -r '.layers[-1].digest[7:]' "made/blobs/sha256/$(jq -r '.manifests[0].digest[7:]' made/index.json)")
equal "$(tar --numeric-owner -tvzf "made/blobs/sha256/$layer" | awk '{ print $2, $NF }' | tr '\n' ' ')" "4000000/4000001 ./ 0/0 y "

# Owners outside the ids we have: what a step changes about their files counts, root as the new owner too.
cat >c/Dockerfile <<'D'
FROM scratch AS theirs
COPY --chown=3000000:3000001 --chmod=4755 Dockerfile /opt/suid
COPY --chown=0:3000001 --chmod=2755 Dockerfile /opt/sgid
COPY --chown=3000000:3000001 Dockerfile /opt/kept
COPY --chown=3000000:3000001 Dockerfile /opt/owned
COPY --chown=3000000:3000001 Dockerfile /opt/grouped
FROM busybox
COPY --from=theirs / /
RUN find /opt -perm -4000 | xargs chmod u-s && chmod g-s /opt/sgid && chown 0:0 /opt/owned && chgrp 0 /opt/grouped && chmod 600 /opt/kept
D
for how in auto copy; do
  COOPER_SNAPSHOTTER=$how build -q -o type=oci,dest=ids.tar c
  mode() { tree_of ids.tar | grep "^opt/$1 " | jq -Rr 'sub("^[^ ]+ "; "") | fromjson | "\(.uid):\(.gid) \(.mode)"'; }
  equal "$(for file in suid sgid kept owned grouped; do mode $file; done)" \
    "$(printf '%s\n' '3000000:3000001 493' '0:3000001 493' '3000000:3000001 384' '0:0 420' '3000000:0 420')" "$how"
done
cooper prune --all >/dev/null   # directories of ids that are not ours: nobody else may remove them
