# Secrets reach their step and nothing else: no layer, no key, no history, no output, no file of the store.
make_busybox
mkdir c
secret=S3cr3t-$(od -An -N12 -tx1 /dev/urandom | tr -d ' \n')
variable=V4riable-$(od -An -N12 -tx1 /dev/urandom | tr -d ' \n')
sum=$(printf %s "$secret" | sha256sum | cut -d' ' -f1)
variable_sum=$(printf %s "$variable" | sha256sum | cut -d' ' -f1)
printf %s "$secret" >secret.txt

row MNT-19 MNT-20 MNT-21 SEC-01
cat >c/Dockerfile <<D
FROM busybox
RUN --mount=type=secret,id=file test "\$(sha256sum </run/secrets/file)" = "$sum  -" && test "\$(stat -c %a:%u:%g /run/secrets/file)" = 400:0:0
RUN --mount=type=secret,target=/deep/er/file test "\$(sha256sum </deep/er/file)" = "$sum  -" && ! echo x 2>/dev/null >/deep/er/file
RUN --mount=type=secret,id=file,env=TOKEN test "\$(printf %s "\$TOKEN" | sha256sum)" = "$sum  -" && test ! -e /run/secrets
RUN --mount=type=secret,id=variable,env=TOKEN,target=/t test "\$(sha256sum </t)" = "$variable_sum  -" && test "\$(printf %s "\$TOKEN" | sha256sum)" = "$variable_sum  -"
RUN --mount=type=secret,id=file,mode=0444,uid=1000,gid=50 test "\$(stat -c %a:%u:%g /run/secrets/file)" = 444:1000:50
RUN --mount=type=cache,target=/root --mount=type=secret,id=file,target=/root/.token test -s /root/.token && touch /root/cached
RUN test ! -e /run/secrets && test ! -e /deep && test ! -e /t && test -z "\$TOKEN"
D
export CI_TOKEN=$variable
give="--secret id=file,src=secret.txt --secret id=variable,env=CI_TOKEN"
build $give -o type=oci,dest=image.tar -t app c >build.log 2>&1 || { cat build.log >&2; fail "build"; }

row MNT-21 SEC-06
printf 'FROM busybox\nRUN --mount=type=secret,id=file,env=TOKEN echo "[$TOKEN]"; cat /run/secrets/file 2>/dev/null; printf "%%s" "$TOKEN" >&2\nRUN --mount=type=secret,id=file cat /run/secrets/file; false\n' >c/Tell
exits 1 cooper build --pull=false --network=host --progress=plain $give -f c/Tell c
contains "$(cat err)" "[****]"
for log in build.log out err; do lacks "$(cat $log)" "$secret"; lacks "$(cat $log)" "$variable"; done

row MNT-23 SEC-06
# Everything that is left, layers unpacked.
cooper inspect app >inspect.txt
cooper build --pull=false --call=plan $give c >plan.txt
mkdir image && tar -C image -xf image.tar
find image "$COOPER_ROOT" -type f -size +0 >files.txt
test "$(wc -l <files.txt)" -gt 20 || fail "nothing to search"
while read -r file; do
  for text in "$secret" "$variable"; do
    ! grep -qF -e "$text" "$file" || fail "a secret is in $file"
    case $(head -c 2 "$file" | od -An -tx1) in
      *1f\ 8b*) ! gzip -dc "$file" | grep -qF -e "$text" || fail "a secret is in the layer $file" ;;
    esac
  done
done <files.txt
for file in inspect.txt plan.txt; do lacks "$(cat $file)" "$secret"; lacks "$(cat $file)" "$variable"; done

row MNT-23 CACHE-02
printf %s "another" >secret.txt
CI_TOKEN=x build $give c >again.log 2>&1
equal "$(grep -c CACHED again.log)" "$(grep -c 'RUN --\|RUN test' again.log)" "cached steps" || true
! grep -q FAILED again.log
equal "$(grep -cE '^#[0-9]+ CACHED' again.log)" 7 "steps that a new value does not run again"

row MNT-22
cat >c/Absent <<'D'
FROM busybox
RUN --mount=type=secret,id=none test ! -e /run/secrets && echo FINE
RUN --mount=type=secret,id=none,env=TOKEN test "${TOKEN-unset}" = ""
D
build -f c/Absent c >/dev/null 2>&1
printf 'FROM busybox\nRUN --mount=type=secret,id=none,required true\n' >c/Required
exits 1 cooper build --pull=false --network=host -f c/Required c
contains "$(cat err)" "secret none: not found"

row MNT-26
printf 'FROM busybox\nUSER 1000\nRUN --mount=type=secret,id=file cat /run/secrets/file\n' >c/User
exits 1 cooper build --pull=false --network=host $give -f c/User c
printf 'FROM busybox\nUSER 1000\nRUN --mount=type=secret,id=file,uid=1000 test -s /run/secrets/file\n' >c/Owner
build $give -f c/Owner c >/dev/null 2>&1

row SEC-01
exits 2 cooper build --secret src=secret.txt c
contains "$(cat err)" "secret missing ID"
head -c 512001 /dev/zero >big
exits 2 cooper build --secret id=big,src=big c
contains "$(cat err)" "secret big too big"
nothing_left
