#!/bin/sh
# Installs Debian/Ubuntu packages by name, those that are missing only.
#   install-packages.sh build   what compiling cooper needs
#   install-packages.sh test    that, and what the tests drive: peers, registries, runtimes
set -eu

build="g++ make cmake ninja-build pkg-config git ca-certificates uidmap
  libarchive-dev liblzma-dev libbz2-dev libssl-dev nlohmann-json3-dev libzstd-dev zlib1g-dev libcli11-dev libgtest-dev libgmock-dev
  libcurl4-openssl-dev libsqlite3-dev libseccomp-dev libcap-dev libdeflate-dev libisal-dev libxxhash-dev libtomlplusplus-dev"
test="ccache clang-16 libclang-rt-16-dev clang-tidy-16 clang-format python3 curl jq debootstrap busybox-static qemu-user-static docker-registry
  apache2-utils skopeo umoci oci-image-tool buildah podman docker.io runc crun fuse-overlayfs slirp4netns strace
  libcap2-bin openssh-client attr acl xz-utils bzip2 zstd procps util-linux iproute2 passwd iptables"

case "${1:-}" in
  build) wanted=$build ;;
  test) wanted="$build $test" ;;
  *) echo "usage: install-packages.sh build|test" >&2; exit 2 ;;
esac

missing=""
for package in $wanted; do
  dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q "install ok installed" || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

command -v apt-get >/dev/null || { echo "these packages are needed:$missing" >&2; exit 3; }
as_root=""
if [ "$(id -u)" != 0 ]; then
  command -v sudo >/dev/null || { echo "run as root once, or install:$missing" >&2; exit 3; }
  as_root=sudo
fi
$as_root apt-get update
# Services of the peers (docker, registry) are not to be started: the tests start their own.
$as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y --no-install-recommends $missing
