# A tree of every kind through the field's own tools and back: what they unpack of our layers is what was meant, and what they
# pack, we read alike.
# roles: root
row IMG-14 IMG-15
mkdir every
python3 - <<'P'
import io, struct, tarfile

out = tarfile.open("every/every.tar", "w", format=tarfile.PAX_FORMAT)


def put(name, kind=tarfile.REGTYPE, mode=0o644, data=b"", owner=(0, 0), link="", device=(0, 0), xattrs={}, mtime=1_600_000_000):
    info = tarfile.TarInfo(name)
    info.type, info.mode, info.size, info.linkname, info.mtime = kind, mode, len(data), link, mtime
    (info.uid, info.gid), (info.devmajor, info.devminor) = owner, device
    info.pax_headers = {"SCHILY.xattr." + key: value for key, value in xattrs.items()}
    out.addfile(info, io.BytesIO(data))


# What python writes of an attribute is text; only bytes that are UTF-8 come out as they are.
old = struct.pack("<IIIII", 0x02000001, 1 << 10, 0, 0, 0).decode("latin-1")
with open("/bin/busybox", "rb") as busybox:
    put("bin/busybox", mode=0o755, data=busybox.read())
for directory in ("bin", "etc", "dev", "proc", "sys"):
    put(directory, tarfile.DIRTYPE, 0o755)
put("every", tarfile.DIRTYPE, 0o755, mtime=1_500_000_000)
put("every/modes", tarfile.DIRTYPE, 0o3775, mtime=1)
for mode in (0o000, 0o001, 0o400, 0o1644, 0o2755, 0o4711, 0o6777, 0o7777):
    put(f"every/modes/{mode:04o}", mode=mode, data=b"m")
for number, owner in enumerate([(1, 2), (65534, 65534), (65535, 65535), (70000, 3_000_000), (2_097_152, 2_147_483_646)]):
    put(f"every/owned{number}", owner=owner, mode=0o640, data=b"o")
    put(f"every/owned-dir{number}", tarfile.DIRTYPE, owner=owner, mode=0o750)
    put(f"every/owned-link{number}", tarfile.SYMTYPE, owner=owner, link="owned0")
put("every/capable", mode=0o755, data=b"c", xattrs={"security.capability": old})
put("every/first", data=b"linked" * 1000)
for name in ("every/second", "every/zz/deep/third"):
    put(name, tarfile.LNKTYPE, link="every/first")
put("every/link", tarfile.SYMTYPE, link="../no/where/" + "x" * 150)
put("every/fifo", tarfile.FIFOTYPE, 0o620, owner=(5, 6))
put("every/char", tarfile.CHRTYPE, 0o660, owner=(0, 6), device=(1, 7))
put("every/block", tarfile.BLKTYPE, 0o600, device=(259, 300))
put("every/empty", data=b"")
put("every/none", tarfile.DIRTYPE, 0o700)
put("every/holes", data=b"a" + b"\0" * 3_000_000 + b"b")
put("every/" + "n" * 255, data=b"n")
for depth in range(1, 6):
    put("every/" + "/".join(["p" * 120] * depth), tarfile.DIRTYPE, 0o755)
put("every/" + "/".join(["p" * 120] * 6), data=b"p")
for name in ("every/\udcff\udcfe", "every/\u00e9\u4e2d", "every/a b\tc\nd", "every/-rf", "every/\\x", "every/{*?}", "every/.whale"):
    put(name, data=name.encode("utf-8", "surrogateescape"))
put("every/before", data=b"b")
put("every/late", mtime=6_000_000_000, data=b"l")
put("every/old/down/file", data=b"1")
put("every/old/kept", data=b"2")
put("every/becomes-file/x", data=b"3")
put("every/becomes-dir", data=b"4")
put("every/gone", data=b"5")
put("every/again/x", data=b"6")
put("every/again/y/z", data=b"7")
out.close()
P
cat >every/Dockerfile <<'D'
FROM scratch
ADD every.tar /
RUN ["/bin/busybox", "--install", "-s", "/bin"]
RUN cd /every && mv old/down moved && rm -r becomes-file gone again becomes-dir && echo f >becomes-file && mkdir -p becomes-dir/x \
  again/y && echo n >again/new && chmod 1711 none && mknod made p && ln first fourth && touch -d @1234567890 again/y zz && \
  touch -d '1969-12-31 00:00:00' before
CMD ["/bin/sh"]
D
build -t every:1 -o type=oci,tar=false,dest=layout -o type=oci,dest=image.tar -o type=docker,dest=docker.tar \
  -o type=tar,dest=flat.tar every >out 2>err || { cat err; fail "the build"; }

# Meant is what the archive says, as another reader tells it, but for what the steps did.
same_tree "tar:every/every.tar" image.tar --except 'bin*' --except 'every/old*' --except 'every/moved*' --except 'every/becomes*' \
  --except 'every/gone' --except 'every/again*' --except 'every/none' --except 'every/made' --except 'every/fourth' \
  --except 'every/first' --except 'every/second' --except 'every/zz*' --except 'every' --except . --except every/capable --except every/before
contains "$(tree_of image.tar | grep '^every/capable')" 'security.capability'
contains "$(tree_of image.tar | grep '^every/before')" '"mtime": -86400'
lacks "$(tree_of image.tar)" every/old/down
same_tree tar:flat.tar image.tar

# Out: umoci, GNU tar over the layers one by one, podman, Docker's engine.
umoci unpack --image layout:1 bundle >out 2>&1 || { cat out; fail "umoci unpack"; }
same_tree tree:bundle/rootfs image.tar --except .
mkdir plain
python3 - <<'P' | while read -r layer; do
import json
read = lambda digest: json.load(open("layout/blobs/" + digest.replace(":", "/")))
for layer in read(json.load(open("layout/index.json"))["manifests"][0]["digest"])["layers"]:
    print("layout/blobs/" + layer["digest"].replace(":", "/"))
P
  # GNU tar knows no whiteouts, and puts no file in the place of a directory.
  tar -tf "$layer" | grep -v '/$' | while read -r name; do
    case $name in
      */.wh..wh..opq) rm -rf "plain/${name%/*}" ;;
      */.wh.*) rm -rf "plain/${name%/*}/${name##*/.wh.}" ;;
      *) [ -L "plain/$name" ] || [ ! -d "plain/$name" ] || rm -r "plain/$name" ;;
    esac
  done
  tar --numeric-owner --xattrs --xattrs-include='*' --warning=no-timestamp --exclude='.wh.*' -C plain -xpf "$layer"
done
same_tree tree:plain image.tar --except .
stored() { podman --root "$WORK/podman" --runroot "$WORK/podman-run" --storage-driver vfs "$@"; }
stored load -q -i docker.tar >out 2>&1 || { cat out; fail "podman load"; }
# Like the engine, it knows no time before 1970.
same_tree "tree:$(stored image mount every:1)" image.tar --except . --except every/before
start_docker
engine load -q -i docker.tar >/dev/null
engine create --name kept every:1 >/dev/null
engine export -o exported.tar kept
# What the engine adds of its own.
engine_own=(--except . --except every/before --except .dockerenv --except 'dev*' --except 'etc*' --except 'proc' --except 'sys')
same_tree tar:exported.tar image.tar "${engine_own[@]}"
engine run --rm --network host every:1 find /every | sort >found
tree_of image.tar >listed
python3 - <<'P' | sort | cmp - found
import sys
sys.path.insert(0, __import__("os").environ["SOURCE"] + "/tests/e2e")
import image_tree
for path in image_tree.flatten("image.tar"):
    if path == "every" or path.startswith("every/"):
        sys.stdout.buffer.write(b"/" + path.encode("utf-8", "surrogateescape") + b"\n")
P

# Back: the same tree packed by each of them.
back() {  # back WHAT CONTEXT-FLAG [EXCEPT...]: FROM it, flattened by cooper
  local what=$1 from=$2 && shift 2
  printf 'FROM theirs\nRUN /bin/true\n' >Back
  build -f Back --build-context "theirs=$from" -o type=tar,dest=back.tar busybox-less >out 2>err || { cat err; fail "back from $what"; }
  same_tree tar:back.tar image.tar "$@"
}
mkdir busybox-less
umoci new --image layout:umoci >/dev/null && rm -rf bundle2 && umoci unpack --image layout:umoci bundle2 >/dev/null 2>&1
cp -a bundle/rootfs/. bundle2/rootfs/ && umoci repack --image layout:umoci bundle2 >out 2>&1 || { cat out; fail "umoci repack"; }
back umoci "oci-layout://$WORK/layout:umoci" --except .
mkdir gnu
tar --numeric-owner --xattrs --xattrs-include='security.capability' --format=posix -C plain -cf gnu/gnu.tar .
printf 'FROM scratch\nADD gnu.tar /\n' >gnu/Dockerfile
build -o type=tar,dest=back.tar gnu >out 2>err || { cat err; fail "back from GNU tar"; }
same_tree tar:back.tar image.tar --except . --except every/before  # ADD knows no time before 1970 either
engine commit kept committed:1 >/dev/null && engine save -o committed.tar committed:1
cooper load -i committed.tar >out 2>err || { cat err; fail "loading what the engine saved"; }
printf 'FROM committed:1\nRUN /bin/true\n' >Back
build -f Back -o type=tar,dest=back.tar busybox-less >out 2>err || { cat err; fail "back from the engine"; }
same_tree tar:back.tar image.tar "${engine_own[@]}"
engine import exported.tar imported:1 >/dev/null && engine save -o imported.tar imported:1
cooper load -i imported.tar >out 2>err || { cat err; fail "loading what the engine imported"; }
printf 'FROM imported:1\nRUN ["/bin/true"]\n' >Back
build -f Back -o type=tar,dest=back.tar busybox-less >out 2>err || { cat err; fail "back from an import"; }
same_tree tar:back.tar image.tar "${engine_own[@]}"
container=$(stored create every:1) && stored commit -q "$container" theirs:1 >/dev/null && stored push -q theirs:1 "oci:$WORK/podmans:1"
back podman "oci-layout://$WORK/podmans:1" "${engine_own[@]}" --except 'run*'
