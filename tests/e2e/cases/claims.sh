# An image whose config claims the layer of another image: it neither answers for that one nor is answered by it.
make_busybox
mkdir -p c && echo x >c/x
cooper save -o busybox.tar busybox
# liar.tar: busybox's config, and with it its diffIDs, over layers that hold something else.
python3 - <<'P'
import hashlib, io, json, tarfile

archive = tarfile.open("busybox.tar")
blob = lambda digest: archive.extractfile("blobs/sha256/" + digest[7:]).read()
index = json.load(archive.extractfile("index.json"))
manifest = json.loads(blob(index["manifests"][0]["digest"]))
config = blob(manifest["config"]["digest"])
out = tarfile.open("liar.tar", "w")


def put(name, data):
    info = tarfile.TarInfo(name)
    info.size = len(data)
    out.addfile(info, io.BytesIO(data))


def descriptor(media_type, data):
    digest = hashlib.sha256(data).hexdigest()
    put("blobs/sha256/" + digest, data)
    return {"mediaType": media_type, "digest": "sha256:" + digest, "size": len(data)}


layers = []
for number in range(len(manifest["layers"])):
    buffer = io.BytesIO()
    tar = tarfile.open(fileobj=buffer, mode="w")
    info = tarfile.TarInfo("data")
    info.type, info.mode, info.uid = tarfile.DIRTYPE, 0o777, 600 + number
    tar.addfile(info)
    tar.close()
    layers.append(descriptor("application/vnd.oci.image.layer.v1.tar", buffer.getvalue()))
false = json.dumps({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "layers": layers,
                    "config": descriptor("application/vnd.oci.image.config.v1+json", config)}).encode()
root = descriptor("application/vnd.oci.image.manifest.v1+json", false)
root["annotations"] = {"io.containerd.image.name": "docker.io/library/liar:latest", "org.opencontainers.image.ref.name": "latest"}
put("oci-layout", b'{"imageLayoutVersion": "1.0.0"}')
put("index.json", json.dumps({"schemaVersion": 2, "manifests": [root]}).encode())
out.close()
P
cooper load -i liar.tar >/dev/null
printf 'FROM liar\nCOPY x /data/x\n' >c/copy-liar
printf 'FROM busybox\nCOPY x /data/x\n' >c/copy
printf 'FROM liar\nRUN cat /bin/busybox >/copied\n' >c/run-liar
printf 'FROM busybox\nRUN cat /bin/busybox >/copied\n' >c/run
said() { contains "$(cat err)" "the layer's diffID is"; }
for first in copy run; do
  exits 3 build -f "c/$first-liar" c && said
  build -f "c/$first" -o type=oci,dest=true.tar c >/dev/null 2>log || { cat log; fail "the honest image"; }
  lacks "$(cat log)" CACHED
  exits 3 build -f "c/$first-liar" c && said
done
lacks "$(tree_of true.tar)" '777 600'
cooper store verify >/dev/null
