# The command line as somebody meets it who has used docker's.
make_busybox
mkdir c && echo f >c/f

# A progress bar: of a line that is written over, the last state, behind its step's number.
printf '%s\n' 'FROM busybox' 'RUN printf "get  0%%\rget 50%%\r"; printf "get 99%%\r\nready\r\n"' >c/Dockerfile
build c >out 2>err
grep -qE '^#[0-9]+ [0-9.]+ get 99%$' err || fail "$(cat err)"
grep -qE '^#[0-9]+ [0-9.]+ ready$' err || fail "$(cat err)"
! grep -q -e 'get 50%$' -e "$(printf '\r')" err || fail "$(cat err)"
