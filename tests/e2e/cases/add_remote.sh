# ADD of URLs and git repositories.
start_web
make_busybox
mkdir -p c
printf one >web/file && touch -d '2001-02-03 04:05:06 UTC' web/file && chmod 644 web/file

# What is said of one path of an archive: entry IMAGE PATH
entry() { tree_of "$1" | grep "^$2 " || fail "no $2 in $1"; }
add() { printf 'FROM busybox\n%s\n' "$1" >c/Dockerfile; build -o type=oci,dest=a.tar c >out 2>err; }

row ADD-09 ADD-10
add "ADD $WEB/file?x=/y#z /to/"
contains "$(entry a.tar to/file)" '"mode": 384'
contains "$(entry a.tar to/file)" 981173106
add "ADD $WEB/file /to/name"
entry a.tar to/name >/dev/null
add "ADD $WEB/file /bin"
entry a.tar bin/file >/dev/null
add "ADD --chmod=755 --chown=3:4 $WEB/file /to/"
contains "$(entry a.tar to/file)" '"mode": 493'
contains "$(entry a.tar to/file)" '"uid": 3'

row ADD-11
requests add "ADD $WEB/file /again/"
equal "$(grep -c GET asked || true)" 0 "downloads of an unchanged file"
printf two >web/file
requests add "ADD $WEB/file /again/"
equal "$(grep -c 'GET /file' asked)" 1 "downloads of a changed file"

row ADD-12
printf 'FROM scratch\nADD %s/missing /\n' "$WEB" >c/Dockerfile
exits 1 build c
contains "$(cat err)" 'invalid response status 404'
contains "$(cat err)" 'Dockerfile:2'

row ADD-14 ADD-15
sum=$(sha256sum web/file | cut -d' ' -f1)
add "ADD --checksum=sha256:$sum $WEB/file /sum/"
requests add "ADD --checksum=sha256:$sum $WEB/file /other/"
equal "$(cat asked)" ''
add "ADD --checksum=sha256:$sum http://127.0.0.1:1/unreachable /other/"
entry a.tar other/unreachable >/dev/null
other=$(printf x | sha256sum | cut -d' ' -f1)
printf 'FROM scratch\nADD --checksum=sha256:%s %s/file /\n' "$other" "$WEB" >c/Dockerfile
exits 2 build c
contains "$(cat err)" "$other" && contains "$(cat err)" "$sum"

row ADD-02 ADD-08
mkdir -p packed/d && echo p >packed/d/p && tar -C packed -czf web/p.tar.gz . && cp web/p.tar.gz c/p.dat
unpacked -f - c <<D
FROM scratch
ADD $WEB/p.tar.gz /kept/
ADD --unpack $WEB/p.tar.gz /unpacked
ADD p.dat /local
ADD --unpack=false p.dat /local-kept/
D
[ -f "$OUT/kept/p.tar.gz" ] && [ -f "$OUT/local-kept/p.dat" ] || fail "an archive was unpacked"
equal "$(cat "$OUT/unpacked/d/p" "$OUT/local/d/p" | tr '\n' ' ')" 'p p '

row ADD-16 ADD-17 ADD-21 ADD-22
mkdir -p inner r/sub && echo deep >inner/deep && publish inner inner
echo 1 >r/f && echo 2 >r/sub/g && chmod 755 r/sub/g && plain_git -C r init -q -b main
plain_git -C r submodule --quiet add "$WEB/inner.git" mod
publish r r && plain_git -C web/r.git tag v1 && echo 3 >r/f
plain_git -C r commit -q -a -m two && plain_git -C r push -q "$WORK/web/r.git" main
commit=$(plain_git -C web/r.git rev-parse v1)
unpacked -f - c <<D
FROM scratch
ADD $WEB/r.git /head
ADD $WEB/r.git#v1 /tag
ADD $WEB/r.git#$commit:sub /sub/
ADD $WEB/r.git?tag=v1&subdir=sub /query/
ADD --keep-git-dir $WEB/r.git#main /kept
ADD $WEB/r.git?submodules=0 /alone
D
equal "$(cat "$OUT/head/f" "$OUT/tag/f" "$OUT/sub/g" "$OUT/query/g" "$OUT/head/mod/deep" | tr '\n' ' ')" '3 1 2 2 deep '
equal "$(find "$OUT" -name .git | sort)" "$OUT/kept/.git
$OUT/kept/mod/.git"
equal "$(ls -A "$OUT/alone/mod")" ''
plain_git -C "$OUT/kept" -c safe.directory='*' status --short >status || fail "the kept .git is none"
equal "$(cat status)" ''
add "ADD $WEB/r.git /r"
contains "$(entry a.tar r/f)" '"mode": 420'
contains "$(entry a.tar r/sub/g)" '"mode": 493'

row ADD-20
printf 'FROM scratch\nADD --checksum=%s %s/r.git#v1 /\n' "${commit:0:12}" "$WEB" >c/Dockerfile && build c >out 2>err
printf 'FROM scratch\nADD --checksum=0123 %s/r.git#v1 /\n' "$WEB" >c/Dockerfile
exits 2 build c
contains "$(cat err)" 'expected checksum to match 0123'

row ADD-26 CACHE-03
echo local >c/local
cat >c/Dockerfile <<D
FROM scratch
ADD local $WEB/file $WEB/r.git#:sub <<DOC /mixed/
doc
DOC
D
build -o type=oci,dest=m.tar c >out 2>err
equal "$(python3 - <<'P'
import sys, os; sys.path.insert(0, os.environ["SOURCE"] + "/tests/e2e")
from image_tree import Image
image = Image("m.tar"); print(len(image.manifest()["layers"]), len(image.config()["history"]))
P
)" '1 1'
equal "$(tree_of m.tar | cut -d' ' -f1 | grep mixed/ | tr '\n' ' ')" 'mixed/DOC mixed/file mixed/g mixed/local '
build -o type=oci,dest=m.tar c >out 2>err
contains "$(cat err)" CACHED

row SEC-07
mkdir -p evil && ln -s /etc/passwd evil/link && publish evil evil
add "ADD $WEB/evil.git /evil"
contains "$(entry a.tar evil/link)" '/etc/passwd'
plain_git -C evil config -f .gitmodules submodule.m.path m && plain_git -C evil config -f .gitmodules submodule.m.url "file://$WORK/inner"
plain_git -C evil add .gitmodules && plain_git -C evil update-index --add --cacheinfo "160000,$(plain_git -C inner rev-parse HEAD),m"
plain_git -C evil commit -q -m submodule && plain_git -C evil push -q "$WORK/web/evil.git" main
printf 'FROM scratch\nADD %s/evil.git /\n' "$WEB" >c/Dockerfile
exits 3 build c
contains "$(cat err)" "transport 'file' not allowed"

row ADD-13 ADD-24 SEC-06
mkdir -p p && echo hidden >p/f && publish p private && echo hidden >web/private
printf sesame >token
for id in HTTP_AUTH_TOKEN_127.0.0.1 GIT_AUTH_TOKEN GIT_AUTH_TOKEN.127.0.0.1:${WEB##*:}; do
  what=private.git && [ "${id%%_*}" = GIT ] || what=private
  printf 'FROM scratch\nADD %s/%s /to/\n' "$WEB" $what >c/Dockerfile
  export COOPER_ROOT=$WORK/$id
  exits 3 build --secret id=OTHER,src=token c
  unpacked --secret "id=$id,src=token" c
  equal "$(cat "$OUT"/to/*)" hidden "what $id opens"
  lacks "$(cat err out)" sesame
  ! grep -rlq sesame "$COOPER_ROOT" || fail "the store holds a token"
done
export COOPER_ROOT=$WORK/with-context
unpacked --secret id=GIT_AUTH_TOKEN,src=token "$WEB/private.git" -f - <<<$'FROM scratch\nCOPY f /'
! grep -rlq sesame "$COOPER_ROOT" || fail "the store holds a token"
export COOPER_ROOT=$WORK/store

row SEC-06
add "ADD http://me:secret@${WEB#http://}/file /secret/"
! grep -q me:secret a.tar || fail "the image tells a login"
! grep -rlq me:secret "$COOPER_ROOT" || fail "the store holds a login"
lacks "$(cat err)" me:secret
nothing_left
