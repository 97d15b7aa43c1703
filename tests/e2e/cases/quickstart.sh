# The README's build: works, is cached the second time (no process for any RUN), and gives the same digest.
quickstart=$SOURCE/testdata/quickstart
first=$(build -o "type=oci,dest=$WORK/first.tar" -f "$quickstart/Dockerfile" "$quickstart" 2>"$WORK/first.err")
contains "$(cat "$WORK/first.err")" "Hello from a cask made by cooper."
second=$(strace -f -qq -e trace=execve,clone,clone3,fork,vfork,unshare -o "$WORK/strace" \
  "$COOPER" build --pull=false --network=host --progress=plain -o "type=oci,dest=$WORK/second.tar" \
  -f "$quickstart/Dockerfile" "$quickstart" 2>"$WORK/second.err")
equal "$second" "$first" "digests"
cmp "$WORK/first.tar" "$WORK/second.tar"
equal "$(grep -c CACHED "$WORK/second.err")" 4 "cached steps"
equal "$(grep -c execve "$WORK/strace")" 1 "programs started by a cached build"
lacks "$(cat "$WORK/strace")" unshare
contains "$(tree_of "$WORK/first.tar")" greeting.txt
nothing_left
