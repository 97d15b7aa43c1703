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
