# Several platforms in one build: an index; stages on the build platform run once; archives, directories, registries.
make_busybox
mkdir c && cp "$SOURCE"/testdata/quickstart/hello-* c/ && echo f >c/f
native=$(cooper inspect busybox | jq -r .architecture)
other=$([ "$native" = arm64 ] && echo amd64 || echo arm64)
cat >c/Dockerfile <<'D'
FROM --platform=$BUILDPLATFORM busybox AS tools
RUN echo tools-ran; echo made >/made
FROM --platform=$BUILDPLATFORM busybox AS cross
ARG TARGETPLATFORM
RUN echo "cross for $TARGETPLATFORM"; echo "$TARGETPLATFORM" >/for
FROM scratch
ARG TARGETARCH
COPY hello-$TARGETARCH /hello
COPY --from=tools /made /made
COPY --from=cross /for /for
ENTRYPOINT ["/hello"]
D
digests() { jq -r '.manifests[].digest' <<<"$1"; }

row PLAT-01 PLAT-05 PLAT-06 IMG-10 IMG-11 IMG-13 OUT-17 ERR-04 FROM-17
digest=$(build --platform "linux/$native,linux/$other" --annotation index:who=all --annotation "manifest[linux/$other]:who=other" \
  --metadata-file meta.json --iidfile iid -t both:1 -o type=oci,dest=both.tar -o both.files -o type=tar,dest=both.files.tar c 2>build.err)
equal "$(grep -c ' tools-ran$' build.err)" 1 "runs of the shared stage"
equal "$(grep -c " cross for linux/" build.err)" 2 "runs of the other one"
contains "$(cat build.err)" "[linux/$native->$other cross 2/2] RUN"
mkdir layout && tar -xf both.tar -C layout
blob() { cat "layout/blobs/sha256/${1#sha256:}"; }
equal "$(jq -r '.manifests[0].digest' layout/index.json)" "$digest" "the archive's root"
equal "$(jq -r '.["containerimage.digest"]' meta.json)" "$digest"
equal "$(jq -r '.["containerimage.descriptor"].mediaType' meta.json)" application/vnd.oci.image.index.v1+json
equal "$(cat iid)" "$digest"
index=$(blob "$digest")
equal "$(jq -r '.manifests | map(.platform.architecture) | join(" ")' <<<"$index")" "$native $other"
equal "$(jq -c .annotations <<<"$index")" '{"who":"all"}'
for entry in $(digests "$index"); do
  manifest=$(blob "$entry")
  config=$(blob "$(jq -r .config.digest <<<"$manifest")")
  equal "$(jq '.layers | length' <<<"$manifest")" "$(jq '.rootfs.diff_ids | length' <<<"$config")"
  wanted=$(jq -r ".manifests[] | select(.digest == \"$entry\") | .platform.architecture" <<<"$index")
  equal "$(jq -r .architecture <<<"$config")" "$wanted"
  equal "$(jq -r '.annotations.who // ""' <<<"$manifest")" "$([ "$wanted" = "$other" ] && echo other || true)"
done
for arch in "$native" "$other"; do
  equal "$(cat "both.files/linux_$arch/for")" "linux/$arch"
  cmp "both.files/linux_$arch/hello" "c/hello-$arch"
  equal "$(tar -xOf both.files.tar "linux_$arch/for")" "linux/$arch"
done
# The name means this machine's entry; both are there to be saved and pushed.
equal "$(cooper inspect both:1 | jq -r .architecture)" "$native"
start_registry
equal "$(cooper push both:1 "$REGISTRY/team/both:1")" "$digest"
for arch in "$native" "$other"; do
  equal "$(skopeo inspect --tls-verify=false --override-arch "$arch" --config --format '{{.Architecture}}' "docker://$REGISTRY/team/both:1")" "$arch"
done
# A base with both: each platform takes its own; a third has no match.
printf 'FROM %s/team/both:1\nCOPY f /f\n' "$REGISTRY" >c/On
build -f c/On --platform "linux/$other,linux/$native" -o type=oci,dest=on.tar c 2>/dev/null >/dev/null
mkdir on && tar -xf on.tar -C on
equal "$(jq -r '.manifests | map(.platform.architecture) | join(" ")' "on/blobs/sha256/$(jq -r '.manifests[0].digest' on/index.json | cut -d: -f2)")" \
  "$other $native"
row FROM-21
exits 1 cooper build --platform linux/s390x -f c/On c
contains "$(cat err)" "no match for platform in manifest"
row PLAT-08 IMG-12 OUT-14
build --build-arg BUILDKIT_MULTI_PLATFORM=1 -o type=oci,dest=one,tar=false c >/dev/null 2>&1
equal "$(jq -r '.manifests[0].mediaType' one/index.json)" application/vnd.oci.image.index.v1+json
exits 2 cooper build --pull=false --build-arg BUILDKIT_MULTI_PLATFORM=0 --platform "linux/$native,linux/$other" c
contains "$(cat err)" "multiple target platforms is not allowed"
exits 2 cooper build --pull=false --annotation index:a=b c
contains "$(cat err)" "index annotations not supported for single platform export"
exits 2 cooper build --pull=false --platform "linux/$native,linux/$other" -o type=docker,dest=x.tar c
contains "$(cat err)" "does not currently support exporting manifest lists"
# Programs of another architecture run where an emulator is registered, and else fail as such.
printf 'FROM scratch\nARG TARGETARCH\nCOPY hello-$TARGETARCH /hello\nRUN ["/hello"]\n' >c/Run
if [ "$(head -1 "/proc/sys/fs/binfmt_misc/qemu-$([ "$other" = arm64 ] && echo aarch64 || echo x86_64)" 2>/dev/null)" = enabled ]; then
  build -f c/Run --platform "linux/$native,linux/$other" c >/dev/null 2>&1
else
  exits 1 cooper build --pull=false --network=host -f c/Run --platform "linux/$other" c
fi
kill "$REGISTRY_PID"
nothing_left
