# Contexts that are no directory: standard input, git, URLs; and named ones of every kind.
# threads before the namespace
start_web
mkdir -p c/sub && printf 'FROM scratch\nCOPY . /\n' >c/Dockerfile && echo 1 >c/f && echo 2 >c/sub/g && echo f >c/.dockerignore
printf 'FROM scratch\nCOPY g /sub-g\n' >c/sub/Dockerfile && printf 'FROM scratch\nCOPY sub/g /other-g\n' >c/sub/Other

row CTX-05
unpacked -f - c <<<$'FROM scratch\nCOPY sub/g /here'
equal "$(cat "$OUT/here")" 2
for pack in cat gzip xz zstd bzip2; do
  tar -C c -c . | $pack >c.tar
  unpacked - <c.tar
  equal "$(cat "$OUT/f" "$OUT/sub/g" | tr '\n' ' ')" '1 2 ' "a $pack context"
  unpacked - <c.tar  # again, when the image has the same layer
done
unpacked -f sub/Other - <c.tar
equal "$(cat "$OUT/other-g")" 2 "a Dockerfile inside"
unpacked - <<<$'FROM scratch\nCOPY <<F /f\nx\nF'
equal "$(cat "$OUT/f")" x
exits 1 build -o no - <<<$'FROM scratch\nCOPY f /'
contains "$(cat err)" '"/f": not found'
exits 2 build -f - - </dev/null
exits 2 build -f c/Dockerfile - <<<'FROM scratch'
contains "$(cat err)" 'ambiguous Dockerfile source'

row CTX-06 IGNORE-10
publish c r
unpacked "$WEB/r.git"
equal "$(cd "$OUT" && find . -type f | sort | tr '\n' ' ')" './.dockerignore ./Dockerfile ./f ./sub/Dockerfile ./sub/Other ./sub/g '
unpacked "$WEB/r.git#main:sub"
equal "$(cat "$OUT/sub-g")" 2
unpacked --build-arg BUILDKIT_CONTEXT_KEEP_GIT_DIR=1 "$WEB/r.git"
[ -e "$OUT/.git/HEAD" ] || fail "no .git was kept"
exits 1 build "$WEB/r.git#nowhere"
contains "$(cat err)" 'repository does not contain ref nowhere'
exits 2 build "$WEB/r.git#main:sub" -f none
contains "$(cat err)" 'failed to read dockerfile: open none: no such file or directory'
build "$WEB/r.git" >out 2>err
lacks "$(cat err)" "fetch $WEB"  # the commit is known

row CTX-07
cp c.tar web/context.txt
unpacked "$WEB/context.txt"
equal "$(cat "$OUT/sub/g")" 2
printf 'FROM scratch\nCOPY . /\n' >web/plain.tar.gz
unpacked "$WEB/plain.tar.gz"
equal "$(ls "$OUT")" context
cp c/sub/Dockerfile web/sub.Dockerfile
unpacked -f "$WEB/sub.Dockerfile" c/sub
equal "$(cat "$OUT/sub-g")" 2

row CTX-08 CTX-11 CTX-14 IGNORE-11
mkdir -p named && echo n >named/kept && echo x >named/dropped && echo dropped >named/.dockerignore
echo url >web/file
make_busybox
build -t tools -q - <<<$'FROM scratch\nCOPY <<F /tool\nt\nF\nENV FROM_TOOLS=1' >/dev/null
build -o type=oci,dest=layout,tar=false -t other:v1 - <<<$'FROM scratch\nCOPY <<F /laid\nl\nF' >/dev/null 2>&1
cat >N.Dockerfile <<'D'
FROM scratch AS stage
COPY <<F /from-stage
s
F
FROM scratch
COPY --from=dir . /dir/
COPY --from=git . /git/
COPY --from=url . /url/
COPY --from=image /tool /
COPY --from=laid /laid /
COPY --from=digested /laid /again
COPY --from=alias /from-stage /
COPY --from=empty . /empty/
D
digest=$(python3 -c 'import json; print(json.load(open("layout/index.json"))["manifests"][0]["digest"])')
unpacked -f N.Dockerfile --build-context dir=named --build-context "git=$WEB/r.git#:sub" --build-context "url=$WEB/file" \
  --build-context image=docker-image://tools --build-context laid=oci-layout://layout:v1 \
  --build-context "digested=oci-layout://$WORK/layout@$digest" --build-context alias=target:stage \
  --build-context empty=docker-image://scratch --build-context unused=/no/where --build-context also=docker-image://no.where/x c
equal "$(cd "$OUT" && find . -type f | sort | tr '\n' ' ')" \
  './again ./dir/.dockerignore ./dir/kept ./from-stage ./git/Dockerfile ./git/Other ./git/g ./laid ./tool ./url/context '
equal "$(cat "$OUT/url/context")" url
exits 2 build --build-context x=ftp://y c
contains "$(cat err)" 'unsupported context source ftp for x'
exits 1 build --build-context x=oci-layout://layout:v2 - <<<$'FROM x'
contains "$(cat err)" 'has no digest'
exits 2 build --build-context x=/no/where - <<<$'FROM scratch\nCOPY --from=x . /'
contains "$(cat err)" 'context x: no such directory: /no/where'

row MNT-09 MNT-12
cat >M.Dockerfile <<'D'
FROM busybox
RUN --mount=target=/c --mount=from=git,target=/g,rw echo $(cat /c/sub/g /g/g) $(ls /c) >/read; touch /g/new
COPY --from=git . /copied
D
for context in c "$WEB/r.git"; do
  unpacked -f "$WORK/M.Dockerfile" --no-cache --build-context "git=$WEB/r.git#:sub" "$context"
  [ "$context" = c ] && f='' || f=' f'  # which .dockerignore names
  equal "$(cat "$OUT/read")" "2 2 Dockerfile$f sub"
  [ ! -e "$OUT/copied/new" ] || fail "a step wrote into a context"
done

row CTX-09 CTX-10 CTX-12 CTX-13
cat >O.Dockerfile <<'D'
FROM no.where/at/all AS base
RUN never
FROM base
COPY --from=docker.io/library/assets . /assets/
D
build -f O.Dockerfile --build-context base=docker-image://tools --build-context assets=named -t over c >/dev/null 2>&1
contains "$(cooper inspect over)" FROM_TOOLS=1
unpacked -f O.Dockerfile --build-context base=docker-image://tools --build-context assets:latest=named c
equal "$(cat "$OUT/tool" "$OUT/assets/kept" | tr '\n' ' ')" 't n '
unpacked --build-context base=named - <<<$'FROM base\nCOPY <<F /f\nx\nF'
equal "$(ls "$OUT" | tr '\n' ' ')" 'f kept '

row CACHE-03 ADD-23
build -q -t again "$WEB/r.git" >first && build -t again "$WEB/r.git" >second 2>log
contains "$(cat log)" CACHED
plain_git -C c commit -q --allow-empty -m other && publish c r
build -t again "$WEB/r.git" >third 2>log
contains "$(cat log)" CACHED
nothing_left
