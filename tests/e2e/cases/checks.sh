# Lint, the calls that run nothing, several targets in one run, and how errors look.
make_busybox
mkdir c
asked() { exits "$1" cooper build --pull=false --network=host --progress=plain "${@:2}"; }

row CALL-01 CHECK-27
cat >c/Dockerfile <<'EOF'
FROM busybox AS unused
MAINTAINER me
FROM busybox AS Tools
RUN echo must not run; exit 9
CMD run $ME
EOF
asked 1 --check -t never c
contains "$(cat out)" "Check complete: 3 warnings."
contains "$(cat out)" "WARNING: MaintainerDeprecated - https://docs.docker.com/go/dockerfile/rule/maintainer-deprecated/"
contains "$(cat out)" "Dockerfile:5
--------------------"
lacks "$(cat err)" "must not run"
lacks "$(cooper images)" never
asked 1 --call=lint --target unused c
lacks "$(cat out)" JSONArgsRecommended
printf 'FROM busybox\nRUN exit 9\nCMD ["true"]\n' >c/Clean
asked 0 --check -f c/Clean c
equal "$(cat out)" "Check complete: no warnings."
asked 2 --call=nonsense c
contains "$(cat err)" 'unknown call "nonsense"'

row CALL-02 CHECK-23
asked 1 --call=check,format=json c
python3 - <<'EOF'
import base64, json
found = json.load(open("out"))
warning = found["warnings"][1]
assert warning["ruleName"] == "StageNameCasing" and warning["url"].endswith("/stage-name-casing/"), warning
assert warning["description"] and "Tools" in warning["detail"], warning
assert warning["location"]["ranges"] == [{"start": {"line": 3}, "end": {"line": 3}}], warning
assert base64.b64decode(found["sources"][0]["data"]) == open("c/Dockerfile", "rb").read()
assert "buildError" not in found
EOF
asked 1 --call=check,format=sarif -f c/Dockerfile c
python3 - <<'EOF'
import json
log = json.load(open("out"))
run = log["runs"][0]
assert log["version"] == "2.1.0" and run["tool"]["driver"]["name"] == "cooper"
result = run["results"][0]
assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"] == "MaintainerDeprecated"
place = result["locations"][0]["physicalLocation"]
assert place["artifactLocation"]["uri"] == "c/Dockerfile" and place["region"] == {"startLine": 2, "endLine": 2}, place
EOF
printf 'FROM busybox\nBUN x\n' >c/Broken
asked 1 --call=check,format=json -f c/Broken c
contains "$(cat out)" '"message": "dockerfile parse error on line 2: unknown instruction: BUN (did you mean RUN?)"'
contains "$(cat err)" "ERROR: failed to solve: dockerfile parse error on line 2: unknown instruction: BUN"
# A registry that is not there keeps nobody from checking.
printf 'FROM 127.0.0.1:1/nothing/here\nENV A=$UNKNOWN\nMAINTAINER me\n' >c/Far
asked 1 --check --retries 0 -f c/Far c
contains "$(cat out)" "1 warning."
contains "$(cat err)" "notice: base image 127.0.0.1:1/nothing/here could not be looked at"

row CALL-03 CALL-04 CALL-05 CALL-06
cat >c/Outline <<'EOF'
ARG VERSION=1
ARG UNUSED
# build compiles
FROM busybox AS build
# VERSION to build
ARG VERSION
FROM build
# MODE of it
ARG MODE=${VERSION}x
EOF
asked 0 --call=outline --build-arg VERSION=2 -f c/Outline c
equal "$(cat out)" "BUILD ARG   VALUE   DESCRIPTION
VERSION     2       to build
MODE        2x      of it"
asked 0 --call=targets -f c/Outline c
equal "$(cat out)" "TARGET      DESCRIPTION
build       compiles
(default)"
asked 0 --call=targets,format=json -f c/Outline c
contains "$(cat out)" '"base": "busybox"'

row CHECK-23 CHECK-24 CHECK-25 CHECK-26 DIR-08
printf 'FROM busybox AS gone\nCMD run me\nFROM busybox\nCMD run me\n# check=skip=all\nMAINTAINER me\n' >c/Dockerfile
asked 0 c
contains "$(cat err)" "warning: JSONArgsRecommended: "
contains "$(cat err)" "(line 4)"
lacks "$(cat err)" "(line 2)"
lacks "$(cat err)" MaintainerDeprecated
asked 1 --build-arg BUILDKIT_DOCKERFILE_CHECK=error=true c
contains "$(cat err)" "warning: JSONArgsRecommended: "
contains "$(cat err)" "ERROR: failed to solve: lint violation found for rules: JSONArgsRecommended"
asked 1 -q --build-arg BUILDKIT_DOCKERFILE_CHECK=error=true c
contains "$(cat err)" "warning: JSONArgsRecommended: "
asked 0 -q --build-arg 'BUILDKIT_DOCKERFILE_CHECK=skip=JSONArgsRecommended;error=true' c
equal "$(cat err)" ""
asked 2 --build-arg BUILDKIT_DOCKERFILE_CHECK=bogus c
contains "$(cat err)" 'invalid check option "bogus"'

row CHECK-19 IGNORE-12
printf 'FROM busybox\nCOPY secret /\n' >c/Dockerfile
echo secret >c/.dockerignore && echo s >c/secret
asked 1 c
contains "$(cat err)" "warning: CopyIgnoredFile: "
contains "$(cat err)" '"/secret": not found'
asked 1 --check c
contains "$(cat out)" "WARNING: CopyIgnoredFile"
rm c/.dockerignore

# Several targets: what they share runs once, each result goes its own way.
cat >c/Dockerfile <<'EOF'
FROM busybox AS shared
RUN echo once >>/shared; cat /proc/sys/kernel/random/uuid >>/shared
FROM shared AS api
RUN echo api >/which
FROM shared AS web
ARG TARGETSTAGE
RUN echo $TARGETSTAGE >/which
EOF
asked 0 --target api --target WEB,api -t 'shop-{target}:1' -o type=local,dest=d -o 'type=oci,dest={target}.tar' \
  --metadata-file m.json --iidfile 'id-{target}' c
# TARGETSTAGE is what was asked for, as it was written (PLAT-01).
equal "$(cat d/api/which d/web/which)" "api
WEB"
equal "$(cat d/api/shared)" "$(cat d/web/shared)" "what was shared"
[ -s api.tar ] && [ -s web.tar ] || fail "an archive is missing"
contains "$(cooper images)" shop-api
contains "$(cooper images)" shop-web
equal "$(cut -d' ' -f1 out)" "api
web"
[ "$(cat id-api)" != "$(cat id-web)" ] || fail "one id for two images"
contains "$(cat m.json)" '"api": {'
for flags in '-t one' '-o type=oci,dest=x.tar' '-o -' '--iidfile id' '-o type=image,name=one'; do
  asked 2 --target api,web $flags c
done
asked 2 --target api,wbe c
contains "$(cat err)" 'target stage "wbe" could not be found (did you mean web?)'

row ERR-01 ERR-02 ERR-03 ERR-04
cat >c/Dockerfile <<'EOF'
FROM busybox
ENV WORD=spoken
RUN echo line one; \
    echo $WORD last; \
    exit 7
EOF
asked 1 c
contains "$(cat err)" " > [2/2] RUN echo line one;     echo spoken last;     exit 7:
line one
spoken last
------
Dockerfile:3
--------------------
   2 |     ENV WORD=spoken
   3 | >>> RUN echo line one; \\
   4 | >>>     echo \$WORD last; \\
   5 | >>>     exit 7
--------------------
ERROR: failed to solve: process"
asked 1 -q c
contains "$(cat err)" "spoken last"

row ERR-05 FROM-18
suggests() {  # suggests CODE TEXT DOCKERFILE
  printf "$3" >c/Dockerfile
  asked "$1" --retries 0 c
  contains "$(cat err)" "$2"
}
suggests 2 '(did you mean WORKDIR?)' 'FROM busybox\nWORKDR /\n'
suggests 2 '(did you mean chown?)' 'FROM busybox\nCOPY --chow=1 a /\n'
suggests 2 '(did you mean TARGETPLATFORM?)' 'FROM --platform=$TARGETPLATFRM busybox\n'

row ERR-06
printf 'FROM busybox\nRUN echo kept\nRUN sleep %s\n' "$((50000 + $$))" >c/Dockerfile
"$COOPER" build --pull=false --network=host --progress=plain c >/dev/null 2>interrupted & pid=$!
for _ in $(seq 100); do pgrep -f "sleep $((50000 + $$))" >/dev/null && break; sleep 0.1; done
kill -INT "$pid"
code=0; wait "$pid" || code=$?
equal "$code" 130 "exit code after ctrl-C"
printf 'FROM busybox\nRUN echo kept\n' >c/Dockerfile
asked 0 c
contains "$(cat err)" CACHED
nothing_left
