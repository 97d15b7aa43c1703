# COPY from stages, images and contexts, by whole builds.
make_busybox
mkdir -p c/keep c/sub && echo 1 >c/f && echo 2 >c/keep/x && echo 3 >c/keep/y && echo 4 >c/sub/g
paths() { (cd "$OUT" && find . -mindepth 1 | sort | tr '\n' ' '); }

row COPY-25
echo f >c/.dockerignore
cat >c/Dockerfile <<'D'
FROM busybox AS one
WORKDIR /deep
RUN mkdir -p /deep/d && echo a >/deep/f && echo b >/f
FROM scratch
COPY --from=one f /root
COPY --from=one /deep/f /deep
COPY --from=one deep/../deep/d /d
D
unpacked c
equal "$(cat "$OUT/root" "$OUT/deep" | tr '\n' ' ')" 'b a '

row COPY-26 COPY-27
cat >c/Dockerfile <<'D'
FROM busybox
RUN mkdir /real && ln -s real /link && echo me:x:7:8:::  >>/etc/passwd
COPY --link --chown=7:8 keep/x /link/
D
unpacked c
[ -d "$OUT/link" ] && [ ! -L "$OUT/link" ] || fail "a --link copy followed a link of an earlier layer"
equal "$(ls "$OUT/real")" ''
printf 'FROM busybox\nRUN echo me:x:7:8::: >>/etc/passwd\nCOPY --link --chown=me keep/x /\n' >c/Dockerfile
exits 1 build c
contains "$(cat err)" 'me'
printf 'FROM busybox\nCOPY --link keep/x /x\n' >c/Dockerfile
build -t a c >out 2>err
printf 'FROM busybox\nRUN true >/other\nCOPY --link keep/x /x\n' >c/Dockerfile
build -t a c >out 2>err
contains "$(grep -A1 'COPY --link keep/x /x' err)" CACHED

row IGNORE-03
printf '\357\273\277# a comment\n\n  f  \n/keep/./x\n' >c/.dockerignore
printf 'FROM scratch\nCOPY . /\n' >c/Dockerfile
unpacked c
equal "$(paths)" './.dockerignore ./Dockerfile ./keep ./keep/y ./sub ./sub/g '

row IGNORE-09
printf 'Dockerfile\n.dockerignore\n' >c/.dockerignore
unpacked c
equal "$(paths)" './f ./keep ./keep/x ./keep/y ./sub ./sub/g '
printf 'FROM scratch\nCOPY Dockerfile /\n' >c/Dockerfile
exits 1 build c
contains "$(cat err)" '"/Dockerfile": not found'

row IGNORE-10
printf '*\n' >c/.dockerignore
printf 'FROM scratch\nCOPY keep/x /\n' >c/Dockerfile
exits 1 build c
tar -C c -c . >c.tar
unpacked - <c.tar
equal "$(paths)" './x '

row CACHE-06
rm c/.dockerignore
cat >c/Dockerfile <<'D'
FROM busybox AS one
COPY f /in
RUN cat /in >/dev/null; echo same >/out; mkdir /d; echo same >/d/x
FROM busybox
COPY --from=one /out /out
COPY --from=one /d /d
RUN cat /out /d/x
D
build -t b c >out 2>err
echo changed >c/f
build -t b c >out 2>err
equal "$(grep -c CACHED err)" 3 "steps after an equal re-run: $(cat err)"
nothing_left

row CACHE-15
# A page of a mapping that is dirty already is written without a new mtime or ctime: only --no-cache can tell.
printf 'FROM scratch\nCOPY mapped /\n' >c/Dockerfile
cat >map.py <<'P'
import mmap, os, subprocess, sys, time
file = os.open("c/mapped", os.O_RDWR | os.O_CREAT)
os.write(file, b"A" * 4096)
pages = mmap.mmap(file, 4096)
pages[0:1] = b"B"
time.sleep(2.5)
for change in (b"B", b"C"):
    pages[0:1] = change
    subprocess.run([os.environ["COOPER"], "build", "--network=host", "--no-cache", "-q", "-o", "out-" + change.decode(), "c"], check=True)
P
python3 map.py >log 2>&1 || fail "$(cat log)"
equal "$(head -c 2 out-B/mapped) $(head -c 2 out-C/mapped)" 'BA CA'

row ADD-04 ADD-05
# A link of an archive to a file of the image: another name of it, whose layer is read for it, unpacked or not.
python3 - <<'P'
import tarfile
with tarfile.open("c/links.tar", "w") as tar:
    for name, target in (("new", "data/f"), ("bin/new", "bin/busybox"), ("../up", "../data/f")):
        link = tarfile.TarInfo(name)
        link.type, link.linkname, link.mode = tarfile.LNKTYPE, target, 0o755 if "bin/" in name else 0o644
        tar.addfile(link)
P
echo data >c/f
printf '%s\n' 'FROM busybox' 'COPY f /data/' 'ADD links.tar /' >c/Dockerfile
rm -rf links
build -q -o links c
equal "$(cat links/new links/up)" "$(echo data; echo data)"
cmp links/bin/new links/bin/busybox
[ links/new -ef links/data/f ] && [ links/up -ef links/data/f ] || fail "$(ls -li links links/data)"

# A name that no file system takes is told at its line, and not to whoever unpacks the image.
printf 'FROM scratch\nCOPY f /%0300d\n' 0 >c/Dockerfile
exits 2 build -o type=oci,dest=long.tar c
contains "$(cat err)" "more than 255 bytes"
contains "$(cat err)" "Dockerfile:2"
