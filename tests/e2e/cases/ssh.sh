# The user's ssh agent in a step: it lists and signs, and that is all.
make_busybox
mkdir -p c/root
ssh-keygen -q -t ed25519 -N '' -f key && ssh-keygen -q -t ed25519 -N '' -f other && ssh-keygen -q -t ed25519 -N words -f locked
cp key.pub other.pub c/
# Debian's ssh-add with what it needs, as no busybox has one.
for file in $(command -v ssh-add) $(ldd "$(command -v ssh-add)" | grep -o '/[^ ]*'); do
  mkdir -p "c/root$(dirname "$file")" && cp -L "$file" "c/root$file"
done
eval "$(ssh-agent -a "$WORK/agent.sock")" >/dev/null
trap 'kill $SSH_AGENT_PID' EXIT
ssh-add -q key
printf 'FROM busybox\nCOPY root /\n' >c/Base
cooper build --pull=false --network=host -q -t ssh-base -f c/Base c >/dev/null

row MNT-24 SEC-02 SEC-03
cat >c/Dockerfile <<'D'
FROM ssh-base
COPY *.pub /
RUN --mount=type=ssh test "$SSH_AUTH_SOCK" = /run/buildkit/ssh_agent.0 && test "$(stat -c %a:%u:%g $SSH_AUTH_SOCK)" = 600:0:0
RUN --mount=type=ssh ssh-add -l && ssh-add -T /key.pub
RUN --mount=type=ssh,target=/tmp/agent,mode=0666 test "$SSH_AUTH_SOCK" = /tmp/agent && ssh-add -l
RUN --mount=type=ssh ! ssh-add -D && ! ssh-add -d /key.pub && ! ssh-add -x </dev/null && ssh-add -l
RUN test -z "$SSH_AUTH_SOCK" && test ! -e /run/buildkit && test ! -e /tmp/agent
D
build --ssh default -o type=oci,dest=image.tar c >build.log 2>&1 || { cat build.log >&2; fail "build"; }
contains "$(cat build.log)" "ED25519"
lacks "$(tree_of image.tar)" "ssh_agent"
lacks "$(tree_of image.tar)" "tmp/agent"
contains "$(ssh-add -l)" ED25519

row SEC-02
# Key files, without an agent of the user's.
printf 'FROM ssh-base\nCOPY *.pub /\nRUN --mount=type=ssh,id=git,required ssh-add -T /other.pub && test "$(ssh-add -l | wc -l)" = 2\n' >c/Keys
env -u SSH_AUTH_SOCK "$COOPER" build --pull=false --network=host --ssh git=key,other -f c/Keys c >build.log 2>&1 || { cat build.log >&2; fail "keys"; }
[ -z "$(pgrep -f 'ssh-agent -D -a .*cooper-ssh' || true)" ] || fail "the build's agent is left"
# A cached build does not start one.
strace -f -e trace=execve -o trace "$COOPER" build --pull=false --network=host --ssh git=key,other -f c/Keys c >/dev/null 2>&1
! grep -q ssh-agent trace || fail "a cached build starts an agent"
exits 2 cooper build --ssh id=locked c
contains "$(cat err)" "passphrase protected"
exits 2 cooper build --ssh "id=key,$SSH_AUTH_SOCK" c
contains "$(cat err)" "invalid combination of keys and sockets"
exits 2 cooper build --ssh "id=$SSH_AUTH_SOCK,$SSH_AUTH_SOCK" c
contains "$(cat err)" "only single socket allowed"
exits 2 env -u SSH_AUTH_SOCK "$COOPER" build --ssh default c
contains "$(cat err)" "SSH_AUTH_SOCK"

row MNT-25
printf 'FROM ssh-base\nRUN --mount=type=ssh test ! -e /run/buildkit\n' >c/Optional
build -f c/Optional c >/dev/null 2>&1
printf 'FROM ssh-base\nRUN --mount=type=ssh,id=x,required true\n' >c/Required
exits 1 cooper build --pull=false --network=host --ssh default -f c/Required c
contains "$(cat err)" 'no SSH key "x" forwarded from the client'

row MNT-26
printf 'FROM ssh-base\nUSER 1000\nRUN --mount=type=ssh ! ssh-add -l\nRUN --mount=type=ssh,uid=1000 ssh-add -l\n' >c/User
build --ssh default -f c/User c >build.log 2>&1 || { cat build.log >&2; fail "user"; }

row SEC-06
# No key in the store, nor anything of the socket.
private=$(sed -n 2p key)
! grep -rqF "$private" "$COOPER_ROOT" || fail "a private key is in the store"
[ -z "$(find "$COOPER_ROOT" -type s)" ] || fail "a socket is left"
nothing_left
