# The command line as somebody meets it who has used docker's.
make_busybox
mkdir c && echo f >c/f

# A progress bar: of a line that is written over, the last state, behind its step's number.
printf '%s\n' 'FROM busybox' 'RUN printf "get  0%%\rget 50%%\r"; printf "get 99%%\r\nready\r\n"' >c/Dockerfile
build c >out 2>err
grep -qE '^#[0-9]+ [0-9.]+ get 99%$' err || fail "$(cat err)"
grep -qE '^#[0-9]+ [0-9.]+ ready$' err || fail "$(cat err)"
! grep -q -e 'get 50%$' -e "$(printf '\r')" err || fail "$(cat err)"

# IDs, digests and their beginnings, wherever a local name is.
printf 'FROM busybox\nCOPY f /f\n' >c/Dockerfile
id=$(build -q -t app:1 c 2>/dev/null)
digest=$(build -t app:1 c 2>/dev/null)
printf 'FROM busybox\nCOPY f /other\n' >c/Other
build -q -f c/Other -t other:1 c >/dev/null 2>&1
short=${id#sha256:}; short=${short:0:12}
for which in app:1 "$id" "${id#sha256:}" "$short" "sha256:$short" "$digest" "${digest:7:10}"; do
  equal "$(cooper inspect "$which")" "$(cooper inspect app:1)" "inspect $which"
done
exits 1 cooper inspect "${short:0:3}"
cooper tag "$short" app:2
equal "$(cooper inspect app:2)" "$(cooper inspect app:1)"
exits 2 cooper rmi "$id"
contains "$(cat err)" "several names (app:1, app:2)"
exits 2 cooper push "$id"
contains "$(cat err)" "several names (app:1, app:2)"
cooper rmi app:2 >/dev/null
start_registry
cooper push "$short" "$REGISTRY/app:1" >/dev/null
equal "$(curl -sf -H 'Accept: application/vnd.oci.image.manifest.v1+json' "http://$REGISTRY/v2/app/manifests/1")" "$(cooper inspect --raw "$id")"
cooper save -o byid.tar "$short"
cooper save -o byname.tar app:1
same_tree byid.tar byname.tar
cooper tag other:1 "$short"   # a name that looks so comes first
equal "$(cooper inspect "$short")" "$(cooper inspect other:1)"
cooper rmi "$short" >/dev/null

# Without a name: called by its ID, until prune takes it or somebody names it.
printf 'FROM busybox\nCOPY f /unnamed\n' >c/Unnamed
without_name() { cooper images -a | grep -c '<none>' || true; }
before=$(without_name)
unnamed=$(cooper build -q -f c/Unnamed c 2>/dev/null)
equal "$(without_name)" "$((before + 1))" "images without a name"
contains "$(cooper images -aq)" "${unnamed:7:12}"
lacks "$(cooper images -q)" "${unnamed:7:12}"
cooper save -o unnamed.tar "$unnamed"
(COOPER_ROOT=$WORK/loaded-unnamed; export COOPER_ROOT
 equal "$(cooper load -i unnamed.tar)" "Loaded image ID: $unnamed"
 cooper tag "${unnamed:7:12}" loaded:1
 equal "$(cooper inspect loaded:1)" "$(COOPER_ROOT=$WORK/store cooper inspect "$unnamed")")
exits 2 cooper push "$unnamed"
contains "$(cat err)" "has no name"
cooper tag "$unnamed" named:1
equal "$(without_name)" "$before" "images without a name, one of them named"
equal "$(cooper images -q named)" "${unnamed:7:12}"
cooper rmi named:1 >/dev/null
exits 1 cooper inspect "$unnamed"
cooper build -q -f c/Unnamed c >/dev/null 2>&1
contains "$(cooper rmi "$unnamed")" "deleted: sha256:"
"$COOPER" build -q -o type=oci,dest=also.tar -f c/Unnamed c >/dev/null 2>&1
exits 1 cooper inspect "$unnamed"
"$COOPER" build -q --load -o type=oci,dest=also.tar -f c/Unnamed c >/dev/null 2>&1
cooper inspect "$unnamed" >/dev/null
cooper rmi "$unnamed" >/dev/null
exits 1 cooper inspect "$unnamed"

# Several images in one archive, in both formats.
for format in "" --oci; do
  cooper save $format -o both.tar app:1 other:1 app:1
  (COOPER_ROOT=$WORK/loaded$format; export COOPER_ROOT
   equal "$(cooper load -q -i both.tar 2>&1 | sort | tr '\n' ' ')" "Loaded image: app:1 Loaded image: other:1 "
   equal "$(cooper inspect app:1)" "$(COOPER_ROOT=$WORK/store cooper inspect app:1)"
   cooper store verify >/dev/null)
done
exits 1 cooper save -o none.tar app:1 nowhere
[ ! -e none.tar ] || fail "half an archive was written"
equal "$(cooper rmi -f "$id" nowhere 2>err)" "untagged: docker.io/library/app:1"
contains "$(cat err)" "no such image: nowhere"
exits 1 cooper inspect "$id"

# What docker's scripts say of the result and of attestations.
row OUT-01 OUT-03
declined() { build --attest type=sbom,disabled=true --attest=type=provenance,disabled=true --provenance=false --sbom=false "$@"; }
declined --load -t loaded:1 c >out 2>err
cooper inspect loaded:1 >/dev/null
! grep -e notice -e --load err || fail "$(cat err)"
build -o type=docker -t docker:1 c >out 2>/dev/null
equal "$(wc -l <out)" 1 "lines on standard output"
equal "$(cooper inspect docker:1)" "$(cooper inspect loaded:1)"
build -o type=docker,dest=- -t unstored:1 c 2>/dev/null | tar -t | grep -q manifest.json || fail "no archive"
build -o type=docker c 2>/dev/null | tar -t | grep -q manifest.json || fail "no archive"
build -o type=cacheonly -t cacheonly:1 c >/dev/null 2>err
exits 1 cooper inspect cacheonly:1
lacks "$(cat err)" exporting
exits 2 build --attest type=sbom c
exits 2 build -o type=cacheonly,dest=x c

# What an ignore file hides is said to be hidden, and by what.
row IGNORE-12
printf '%s\n' '# no secrets' 'secret*' >c/.dockerignore && echo s >c/secret
for instruction in 'COPY secret /s' 'ADD secret /s' 'COPY --parents ./secret /s'; do
  printf 'FROM busybox\n%s\n' "$instruction" >c/Dockerfile
  exits 1 build c
  contains "$(cat err)" '"/secret": not found (it is there, but line 2 of c/.dockerignore excludes it)'
done
printf 'FROM busybox\nCOPY secrets /s\n' >c/Dockerfile   # excluded, and absent anyway
exits 1 build c
contains "$(grep '^ERROR' err)$" '"/secrets": not found$'
printf 'FROM busybox\nCOPY f /f\n' >c/Own && printf 'f\n' >c/Own.dockerignore
(cd c && exits 1 build -f Own .; contains "$(cat ../err)" 'line 1 of Own.dockerignore')
rm c/.dockerignore c/secret

# Destinations are tried before anything is fetched or run.
printf 'FROM busybox\nRUN echo ran >&2; sleep 1\n' >c/Dockerfile
mkdir folder && echo old >file
early() {  # early CODE TEXT ARGUMENT...
  local code=$1 text=$2
  shift 2
  exits "$code" build --no-cache "$@" c
  contains "$(cat err)" "$text"
  lacks "$(cat err)" '#1 '
}
early 2 'destination file is a directory' -o type=oci,dest=folder
early 2 'there is no directory nowhere' -o type=docker,dest=nowhere/x.tar
early 2 'is not a directory' -o type=tar,dest=file/x.tar
early 2 'is not a directory' -o file
early 2 'is not a directory' -o type=oci,tar=false,dest=file/layout
early 2 'there is no directory nowhere' --iidfile nowhere/iid
early 2 'there is no directory nowhere' --metadata-file nowhere/metadata
if [ "$ROLE" = user ]; then
  chmod 555 folder
  early 3 folder -o folder/out
  early 3 folder -o type=oci,dest=folder/x.tar
  chmod 755 folder
fi
equal "$(ls folder)$(cat file)" old
# A context or a Dockerfile that is not there is a mistake of one kind.
exits 2 build nowhere
exits 2 build file
contains "$(cat err)" 'path "file" is not a directory'
exits 2 build -f nowhere/Dockerfile c
exits 2 build -f file/Dockerfile c
exits 2 build folder
# A filter that names no stage is told.
printf 'FROM busybox AS base\nFROM base AS Final\n' >c/Dockerfile
build --no-cache-filter=finale,BASE c >/dev/null 2>err
contains "$(cat err)" 'notice: --no-cache-filter: there is no stage "finale" (did you mean final?)'
equal "$(grep -c 'there is no stage' err)" 1

# docker's spellings.
cooper tag other:1 other:2
equal "$(cooper images other | tail -n +2 | cut -d' ' -f1 | tr '\n' ' ')" "other:1 other:2 "
equal "$(cooper images -a other:2 | tail -n +2 | cut -d' ' -f1)" other:2
equal "$(cooper images nothing | wc -l)" 1
equal "$(cooper image ls -q other 2>err)" "$(build -q -f c/Other c 2>/dev/null | cut -c8-19)"
contains "$(cat err)" "notice: image ls is images"
cooper image inspect "$(cooper images -q other)" >/dev/null
cooper image save -o saved.tar other:2 && cooper image rm -f other:2 nowhere >/dev/null && cooper image load -i saved.tar >out
contains "$(cat out)" other:2
contains "$(cooper system df)" RECLAIMABLE
cooper builder prune -a -f >/dev/null   # of the cache alone, as docker means it
cooper inspect other:2 >/dev/null
exits 2 cooper image prune -f
contains "$(cat err)" 'unknown command: image prune'
cooper system prune -a -f >/dev/null
equal "$(cooper images -q)" ""
exits 2 cooper biuld c
contains "$(cat err)" 'unknown command: biuld (did you mean build?)'
exits 2 cooper build --no-cahce c
contains "$(cat err)" 'unknown flag: --no-cahce (did you mean --no-cache?)'
nothing_left

# Values that are none.
for flag in --pull=always --pull=9999999999999999999999 --quiet=x --load=2; do
  exits 2 cooper build "$flag" c
  contains "$(cat err)" "takes true or false"
done
exits 2 cooper build -o '' c
contains "$(cat err)" "--output is given nothing"
printf 'FROM scratch\nCOPY f /f\n' >c/Both
build --load=false --platform local -c 4 -f c/Both c >/dev/null 2>err
contains "$(cat err)" "notice"
digest=$(build -t kept:1 -f c/Both c 2>/dev/null)
exits 2 build -t "forged@$digest" -f c/Both c
contains "$(cat err)" "refusing to create a tag with a digest reference"
exits 2 cooper tag kept:1 "forged@$digest"
exits 2 build -o "type=image,name=forged@$digest" -f c/Both c
equal "$(cooper images -q | wc -l)" 1
equal "$(cooper inspect --raw kept:1 | sha256sum | cut -d' ' -f1)" "${digest#sha256:}"

row OUT-22
# A build that fails leaves no image ID of an earlier one, and no metadata.
echo stale >iid; echo stale >md
printf 'FROM scratch\nCOPY nothing /\n' >c/Fails
exits 1 build -f c/Fails --iidfile iid --metadata-file md c
[ ! -e iid ] && [ ! -e md ] || fail "stale results"
# A link is somebody's: written through, never removed.
echo stale >target && ln -s target link && ln -s /proc/self/fd/1 out-link
exits 1 build -f c/Fails --iidfile link --metadata-file out-link c
[ -L link ] && [ -L out-link ] || fail "links are gone"
id=$(build -q --iidfile link --metadata-file out-link -f c/Both c 2>/dev/null)
contains "$id" "$(cat target)"
[ -L link ] && [ -L out-link ] || fail "links are gone"

# FROM-10: an empty value after an equals sign, as of an unset variable, is one, and takes no other word.
equal "$(build -q --target= --label= -f c/Both c 2>/dev/null)" "$(build -q --target '' --label '' -f c/Both c 2>/dev/null)" "ID"
exits 2 build --platform= --no-cache -f c/Both c
contains "$(cat err)" 'platform ""'

# docker's format takes one platform.
build -q -t both:1 --platform linux/amd64,linux/arm64 -f c/Both c >/dev/null 2>&1
cooper save -o both.tar both:1 2>err
contains "$(cat err)" "several platforms"
cooper save --oci -o both.tar both:1 2>err
lacks "$(cat err)" "several platforms"
nothing_left
