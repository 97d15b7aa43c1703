# What the field's own tools say of our layouts and archives.
make_busybox
mkdir c && printf 'FROM busybox\nENV A=b\nRUN echo x >/x && rm /bin/vi && mkdir /d && chmod 1777 /d\nLABEL l=m\n' >c/Dockerfile
digest=$(build -o type=oci,dest=image.tar -o type=oci,tar=false,dest=layout -o type=docker,dest=docker.tar -t app:1 c 2>/dev/null)
equal "$(skopeo inspect --format '{{.Digest}}' oci:layout:1)" "$digest" "skopeo's digest"
contains "$(skopeo inspect --config oci:layout:1)" '"A=b"'
skopeo copy -q oci:layout:1 "oci:$WORK/copied:1"
equal "$(skopeo inspect --format '{{.Digest}}' oci-archive:image.tar)" "$digest" "the archive's digest"
skopeo copy -q docker-archive:docker.tar "oci:$WORK/from-docker:1"
oci-image-tool validate --type image --ref name=1 layout
umoci unpack --rootless --image layout:1 unpacked >/dev/null
[ -f unpacked/rootfs/x ] && [ ! -e unpacked/rootfs/bin/vi ]
same_tree image.tar layout
same_tree image.tar docker.tar
same_tree image.tar copied
