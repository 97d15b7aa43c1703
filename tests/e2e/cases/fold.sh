# --fold-metadata: files that a step only gave other metadata are stored once (docs/folding.md).
make_busybox
row IMG-14 IMG-15
mkdir -p c/app/sub && head -c 30000000 /dev/urandom >c/app/big && echo 1 >c/app/sub/one && echo 2 >c/app/two && ln -s two c/app/link
cat >c/Dockerfile <<'D'
FROM busybox
COPY app /srv/app
WORKDIR /srv/app/work
RUN echo new >/srv/app/new && chown -hR 7:8 /srv/app && chmod -R go-rwx /srv/app/sub
RUN chown -R 9 /srv/app
D
# layers IMAGE: the size of each
layers() { python3 - "$1" <<'P'
import json, sys, tarfile
archive = tarfile.open(sys.argv[1])
read = lambda name: json.load(archive.extractfile(name))
blob = lambda digest: read("blobs/" + digest.replace(":", "/"))
manifest = blob(read("index.json")["manifests"][0]["digest"])
config = blob(manifest["config"]["digest"])
filled = sum(not entry.get("empty_layer") for entry in config["history"])
assert filled == len(manifest["layers"]) == len(config["rootfs"]["diff_ids"]), config
print(*(layer["size"] for layer in manifest["layers"]))
P
}
size() { stat -c %s "$1"; }

build -o type=oci,dest=plain.tar c >out 2>err || { cat err; fail "without the flag"; }
contains "$(cat err)" '--fold-metadata'
contains "$(cat err)" '30 MB of its layer'
[ "$(size plain.tar)" -gt 90000000 ] || fail "the bytes are not there three times: $(size plain.tar)"
build --fold-metadata -o type=oci,dest=folded.tar c >out 2>err || { cat err; fail "folding"; }
lacks "$(cat err)" 'of its layer'
equal "$(grep -c CACHED err)" 4 "steps are the same with and without: $(cat err)"
[ "$(size folded.tar)" -lt 35000000 ] || fail "the bytes are still there more than once: $(layers folded.tar)"
same_tree plain.tar folded.tar
layers folded.tar >/dev/null || fail "history and layers disagree"

# Again: nothing is written, and the digest is the same; from an empty store it is the same too, where times are.
build --fold-metadata -o type=oci,dest=again.tar c >out 2>err
lacks "$(cat err)" 'fold metadata'
cmp folded.tar again.tar
build -o type=oci,dest=again.tar c >out 2>err
lacks "$(cat err)" '--fold-metadata'
cmp plain.tar again.tar

# Other readers.
skopeo copy -q oci-archive:folded.tar oci:other:x && umoci unpack --rootless --image other:x seen >out 2>&1 || { cat out; fail "umoci"; }
cmp seen/rootfs/srv/app/big c/app/big

# What is unpacked does not ask for folded layers; bases stay as they are, for whoever builds on them.
unpacked --fold-metadata c
cmp "$OUT/srv/app/big" c/app/big
build -q -t base --fold-metadata c >/dev/null 2>err || { cat err; fail "a name"; }
printf 'FROM base\nRUN chown -R 11 /srv/app\n' >c/Dockerfile
build -o type=oci,dest=plain.tar c >out 2>err
lacks "$(cat err)" '--fold-metadata stores'
build --fold-metadata -o type=oci,dest=folded.tar c >out 2>err
cmp plain.tar folded.tar

# Two targets share a stage: it stays shared.
cat >c/Dockerfile <<'D'
FROM busybox AS one
COPY app /srv/app
FROM one AS two
RUN chown -R 7 /srv/app
D
build --fold-metadata --target one,two -o 'type=oci,dest={target}.tar' c >out 2>err || { cat err; fail "two targets"; }
equal "$(layers one.tar)" "$(layers two.tar | cut -d' ' -f-"$(layers one.tar | wc -w)")" "layers of both"
build --fold-metadata --target two -o type=oci,dest=alone.tar c >out 2>err
[ "$(size alone.tar)" -lt 35000000 ] || fail "one target folds what it has for itself"
same_tree two.tar alone.tar
nothing_left
