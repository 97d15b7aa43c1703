# An image built FROM a local name, tagged, saved, loaded back, removed.
make_busybox
mkdir b && printf 'FROM busybox\nRUN echo two >/two\nCOPY f /f\n' >b/Dockerfile && echo f >b/f
digest=$(build -t derived:1 b 2>/dev/null)
cooper tag derived:1 other/name:2
contains "$(cooper images)" "other/name:2"
cooper save -o saved.tar derived:1
cooper rmi derived:1 >/dev/null
exits 1 cooper inspect derived:1
cooper prune >/dev/null
COOPER_ROOT=$WORK/elsewhere
export COOPER_ROOT
contains "$(cooper load -i saved.tar)" "derived:1"
contains "$(cooper images | grep ^derived)" "$(date -u +%Y-%m-%d)T"
contains "$(cooper inspect derived:1)" '"diff_ids"'
cooper save --oci -o again.tar derived:1
same_tree saved.tar again.tar
printf 'FROM derived:1\nRUN test -f /two && test -f /f\n' >b/Again
build -f b/Again b >/dev/null 2>&1
cooper rmi derived:1 >/dev/null
equal "$(cooper images | wc -l)" 1 "images left"
cooper store verify
[ -n "$digest" ]
# Archives compressed by whoever passed them on; names that are not there stop no other.
gzip -k saved.tar && zstd -q saved.tar
for archive in saved.tar.gz saved.tar.zst; do
  equal "$(cooper load -i "$archive")" "Loaded image: derived:1"
  cooper tag derived:1 other:1
  exits 1 cooper rmi nowhere derived:1 other:1
  contains "$(cat err)" "no such image: nowhere"
  equal "$(wc -l <out)" 2 "names removed"
done
# What a build with an epoch left in the store has its true time for a build without one.
row IMG-04
make_busybox
mkdir -p e && printf 'FROM busybox\nRUN echo epoch >/e\n' >e/Dockerfile
SOURCE_DATE_EPOCH=5 build -t with-epoch e >/dev/null 2>&1
build -t without-epoch e >/dev/null 2>log && contains "$(cat log)" CACHED
contains "$(cooper inspect with-epoch)" 1970-01-01T00:00:05Z
lacks "$(cooper inspect without-epoch)" 1970-01-01
# A registry that refuses: the local image answers, and it is said that it does.
python3 - >port <<'P' &
import http.server, sys


class Refuse(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(403)
        self.end_headers()

    do_HEAD = do_GET


server = http.server.HTTPServer(("127.0.0.1", 0), Refuse)
print(server.server_port, flush=True)
server.serve_forever()
P
for _ in $(seq 100); do [ -s port ] && break; sleep 0.1; done
refusing=127.0.0.1:$(cat port)/base:1
printf 'FROM %s\nLABEL a=b\n' "$refusing" >e/refused
exits 3 cooper build --network=host -f e/refused e
cooper tag busybox "$refusing"
cooper build --network=host -f e/refused e 2>log >/dev/null
contains "$(cat log)" "using the local image"
# So does a registry whose host has no address, and no step of that build is told as failed.
build -t registry.invalid/base:1 e >/dev/null 2>&1
printf 'FROM registry.invalid/base:1\nLABEL a=b\n' >e/unresolved
cooper build --network=host -f e/unresolved e 2>log >/dev/null
contains "$(cat log)" "no such host); using the local image"
lacks "$(cat log)" ERROR
# A store is nobody else's, in a directory that was there before, too.
mkdir -m 755 open && COOPER_ROOT=$WORK/open cooper images >/dev/null
equal "$(find open -maxdepth 1 -name 'cooper.db*' -perm /077)" ""
