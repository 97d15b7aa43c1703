# Extended attributes: capabilities always, user.* and ACLs with --keep-xattrs, an overlay's or the machine's never (row IMG-14).
make_busybox
mkdir -p tools c
for tool in setfattr getfattr setfacl; do
  cp --parents "$(readlink -f "$(command -v $tool)")" tools
  ldd "$(command -v $tool)" | grep -o '/[^ ]*' | while read -r library; do cp -nL --parents "$library" tools; done
done
printf 'FROM busybox\nCOPY . /\n' >tools/Dockerfile
build -q -t tools tools >/dev/null 2>err || { cat err; fail "the tools"; }
# attributes IMAGE PATH: "user.name=value other-name ..." as the image's layers have them
attributes() { tree_of "$1" | python3 "$WORK/attributes.py" "$2"; }
cat >attributes.py <<'P'
import json, sys
for line in sys.stdin:
    path, row = line.split(" ", 1)
    if path == sys.argv[1]:
        values = {k: bytes.fromhex(v) for k, v in json.loads(row)["xattrs"].items()}
        print(*(f"{k}={v.decode()}" if k.startswith("user.") else k for k, v in sorted(values.items())))
P

# Not compared with buildah, which keeps others and whose steps see what its layers lack.
build() { "$COOPER" build --pull=false --network=host --progress=plain "$@"; }

row IMG-14 COPY-18 ADD-06
echo 1 >c/f && mkdir -p c/n/d && echo 2 >c/n/d/g && echo 3 >in-tar
setfattr -n user.context -v f c/f && setfattr -n user.context -v d c/n/d && setfattr -n user.overlay.opaque -v y c/n/d
setfacl -m u:12345:rwx c/f
python3 - <<'P'
import tarfile, io
with tarfile.open("c/a.tar", "w", format=tarfile.PAX_FORMAT) as archive:
    member = tarfile.TarInfo("in-tar")
    member.size = 2
    member.pax_headers = {"SCHILY.xattr." + k: "y" for k in ("user.tar", "user.overlay.opaque", "trusted.overlay.opaque",
                                                            "trusted.x", "security.selinux", "user.cooper.override")}
    archive.addfile(member, io.BytesIO(b"3\n"))
P
cat >c/Dockerfile <<'D'
FROM tools AS stage
RUN mkdir /s && echo s >/s/f && setfattr -n user.run -v stage /s/f && setfacl -m u:7:r /s/f && setfattr -n user.run -v dir /s
FROM tools
COPY f n/d/g /c/
COPY n /n
ADD a.tar /a/
COPY --from=stage --chmod=755 /s /s
RUN setfattr -n user.run -v run /c/g && setfacl -m u:8:rw /c/g && ! setfattr -n user.overlay.origin -v x /c/f 2>/dev/null || true
RUN touch /s/f && (getfattr -n user.run /s/f >/dev/null && echo kept || echo gone) >/seen
D
build --keep-xattrs -o type=oci,dest=kept.tar c >out 2>err || { cat err; fail "--keep-xattrs"; }
build -o type=oci,dest=plain.tar c >out 2>err || { cat err; fail "without"; }
lacks "$(grep -A1 -E ' (COPY|ADD|RUN) ' err)" CACHED
equal "$(attributes kept.tar c/f)" 'user.context=f'
equal "$(attributes kept.tar n/d)" 'user.context=d'
equal "$(attributes kept.tar a/in-tar)" 'user.tar=y'
equal "$(attributes kept.tar s/f)" 'system.posix_acl_access user.run=stage'
equal "$(attributes kept.tar s)" ''  # COPY-07: a new directory of its own
equal "$(attributes kept.tar c/g)" 'system.posix_acl_access user.run=run'
for path in c/f n/d a/in-tar s/f c/g; do equal "$(attributes plain.tar $path)" '' "$path without the flag"; done
equal "$(tree_of kept.tar | grep -c 'overlay\|trusted\|selinux\|cooper' || true)" 0
# What the layer does not have, the next step does not see either.
seen() { tar xOf "$1" "blobs/sha256/$(python3 -c '
import json, sys, tarfile
t = tarfile.open(sys.argv[1]); read = lambda n: json.load(t.extractfile(n))
b = lambda d: "blobs/" + d.replace(":", "/")
print(read(b(read("index.json")["manifests"][0]["digest"]))["layers"][-1]["digest"][7:])' "$1")" | tar xzO seen; }
equal "$(seen kept.tar)" kept
equal "$(seen plain.tar)" gone

# Nor what a directory got beside a layer that says nothing else of it: an ACL would give the next step's files other modes.
cat >c/Directory <<'D'
FROM tools
RUN mkdir /d
RUN setfacl -d -m u:9:rwx /d / && setfattr -n user.left -v d /d
RUN touch /d/f /f && (stat -c %a /d/f /f && (getfattr -n user.left /d >/dev/null && echo kept || echo gone)) >/seen
D
build -f c/Directory -o type=oci,dest=plain.tar c >out 2>err || { cat err; fail "attributes of directories"; }
equal "$(seen plain.tar | tr '\n' ' ')" '644 644 gone '

# What the root has of its base, steps see and leave alone.
printf 'FROM tools\nRUN setfattr -n user.root -v r / && setfacl -d -m u:9:rwx /\n' >c/Root
build --keep-xattrs -t rooted -f c/Root c >out 2>err || { cat err; fail "attributes of the root"; }
printf 'FROM rooted\nRUN getfattr -n user.root /\n' >c/Root
for flag in "" --keep-xattrs; do
  build $flag -f c/Root -o type=oci,dest=rooted.tar c >out 2>err || { cat err; fail "the root's attributes are not seen"; }
  equal "$(attributes rooted.tar .)" 'system.posix_acl_default user.root=r'
done

row CACHE-04
build --keep-xattrs -o type=oci,dest=again.tar c >out 2>err
equal "$(grep -c CACHED err)" "$(grep -cE '^#[0-9]+ \[.*(COPY|ADD|RUN) ' err)" 'a second build with the flag'
cmp kept.tar again.tar
setfattr -n user.context -v changed c/n/d
build --keep-xattrs -o type=oci,dest=again.tar c >out 2>err
equal "$(attributes again.tar n/d)" 'user.context=changed'
build -o type=oci,dest=again.tar c >out 2>err
equal "$(grep -c CACHED err)" "$(grep -cE '^#[0-9]+ \[.*(COPY|ADD|RUN) ' err)" 'attributes count without the flag'

# A base whose trees another build left in the store: nothing it dropped comes back.
printf 'FROM tools\nRUN echo x >/x && setfattr -n user.left -v over /x\n' >c/Dockerfile
build -t base c >out 2>err
printf 'FROM base\nRUN chmod 700 /x\n' >c/Dockerfile
build --keep-xattrs -o type=oci,dest=over.tar c >out 2>err
equal "$(attributes over.tar x)" ''

row CTX-05
printf 'FROM scratch\nCOPY in-tar /x\n' >Dockerfile
cp c/a.tar stream.tar && tar --append -f stream.tar Dockerfile
build --keep-xattrs -o type=oci,dest=streamed.tar - <stream.tar >out 2>err || { cat err; fail "a context on standard input"; }
equal "$(attributes streamed.tar x)" 'user.tar=y'
build -o type=oci,dest=streamed.tar - <stream.tar >out 2>err
equal "$(attributes streamed.tar x)" ''
nothing_left
