# Golden digests of three fixed contexts: one program, whatever processor, locale, umask or thread count.
# roles: root
make_contexts() {
  mkdir -p one two/dir/sub three
  printf 'hello\n' >one/file
  printf 'FROM scratch\nCOPY file /file\nLABEL a=b\n' >one/Dockerfile
  printf 'a%.0s' $(seq 5000) >two/dir/long
  printf '#!/bin/sh\n' >two/dir/sub/run && ln -s ../long two/dir/sub/link && ln two/dir/long two/dir/other-name
  printf 'x' >"two/dir/a name with blanks and $(printf '\303\251\377')"
  printf 'FROM scratch\nCOPY --chown=70000:3000000 dir /deep/er/\nWORKDIR /w\nENV A=b\nCMD ["/x"]\n' >two/Dockerfile
  # Four MiB, so that compression has several chunks to share out.
  python3 -c 'import random,sys; random.seed(7); sys.stdout.buffer.write(bytes(random.choice(b"abcdefgh \n") for _ in range(4 << 20)))' >three/big
  tar --format=posix --sort=name --owner=5 --group=4000000 --mtime=@1600000000 -cf three/archive -C two dir
  printf 'FROM scratch\nCOPY big /copy\nADD archive /unpacked/\nADD --chmod=600 big /second\n' >three/Dockerfile
  find one two three -type d -exec chmod 755 {} + && find one two three -type f -exec chmod 644 {} + && chmod 755 two/dir/sub/run
  find one two three -exec touch -h -d @1700000000 {} +
}
make_contexts
expected=$SOURCE/testdata/golden-digests
digests() {  # digests PREFIX...: of the three, built in a fresh store
  rm -rf golden-store
  for name in one two three; do
    SOURCE_DATE_EPOCH=1700000000 COOPER_ROOT=$WORK/golden-store "$@" "$COOPER" build --network=host -q --platform linux/amd64 \
      --threads "${THREADS:-1}" --metadata-file "meta-$name" "$name" >/dev/null 2>golden.err || { cat golden.err; fail "$*"; }
    echo "$name $(sed -n 's/.*"containerimage.digest": "\(.*\)".*/\1/p' "meta-$name")"
  done
}
digests env >found
[ "${COOPER_ACCEPT:-}" != 1 ] || cp found "$expected"
diff "$expected" found || fail "digests changed"
holds() { digests "$@" >again; diff found again || fail "digests differ with: $*"; }
for name in one two three; do peer "$name"; done
holds env LC_ALL=C
holds env LC_ALL=C.UTF-8
THREADS=4 holds env
(umask 077; holds env)
(umask 022; holds env)
# A sanitizer's shadow memory has no place under the emulator. COOPER_EMULATED: the program itself runs under one (tests/golden-arm64).
if [ "$(uname -m)" = x86_64 ] && ! instrumented && [ -z "${COOPER_EMULATED:-}" ]; then
  # None of the three runs anything: the emulator knows no namespaces.
  for model in Nehalem max; do holds qemu-x86_64-static -cpu "$model"; done
fi
