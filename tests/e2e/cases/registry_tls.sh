# A registry of the loopback interface that speaks https alone, with a certificate nobody knows: pushed, pulled, built upon.
start_registry tls
mkdir c && echo content >c/f
printf 'FROM scratch\nCOPY f /f\n' >c/Dockerfile
cooper build --metadata-file metadata -t "$REGISTRY/team/app:1" --push c >/dev/null
equal "$(skopeo inspect --tls-verify=false --format '{{.Digest}}' "docker://$REGISTRY/team/app:1")" \
  "$(jq -r '."containerimage.digest"' metadata)" "pushed digest"
export COOPER_ROOT=$WORK/other
cooper pull "$REGISTRY/team/app:1" >/dev/null
export COOPER_ROOT=$WORK/third
printf 'FROM %s/team/app:1\nCOPY f /g\n' "$REGISTRY" >c/Next
cooper build -f c/Next -o tree c >/dev/null
equal "$(cat tree/f tree/g)" "content
content"
cooper store verify
