# Real input, real engines: a debian base made with debootstrap (device nodes, group-owned files) in a registry; gcc and nginx
# installed by apt in a multi-stage build, by root and by a plain user; equal trees; both served by Docker and by podman.
# roles: root
as_user() {
  setpriv --reuid cooper-e2e --regid cooper-e2e --clear-groups --inh-caps=-all \
    env HOME="$WORK/user" XDG_RUNTIME_DIR="$WORK/user" COOPER_ROOT="$WORK/user/store" "$@"
}
[ -s "$SHARED/debian.tar" ] || {
  debootstrap --variant=minbase bookworm "$WORK/debian" >debootstrap.log 2>&1 || { tail -5 debootstrap.log; fail debootstrap; }
  rm -rf "$WORK"/debian/var/cache/apt/archives/*.deb
  tar -C "$WORK/debian" -cf "$SHARED/debian.tar.part" . && mv "$SHARED/debian.tar.part" "$SHARED/debian.tar"
  rm -rf "$WORK/debian"
}
[ "$(tar tvf "$SHARED/debian.tar" | grep -c '^[cb]')" -ge 8 ] || fail "the base holds no device nodes"
start_registry
mkdir base && ln "$SHARED/debian.tar" base/ 2>/dev/null || cp "$SHARED/debian.tar" base/
printf 'FROM scratch\nADD debian.tar /\nCMD ["bash"]\n' >base/Dockerfile
cooper build --network=host -q -t "$REGISTRY/debian:12" --push base >/dev/null

mkdir -p site user && chown cooper-e2e: user
echo 'int main(){return 0;}' >site/ok.c
echo '<h1>cask</h1>' >site/index.html
printf 'server { listen 18080 default_server; root /srv/www; access_log off; error_log /tmp/error.log; }\n' >site/site.conf
chmod -R a+rX site
cat >site/Dockerfile <<D
FROM $REGISTRY/debian:12 AS build
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev
COPY ok.c /src/
RUN gcc -O2 -o /src/ok /src/ok.c
FROM $REGISTRY/debian:12
RUN apt-get update && apt-get install -y --no-install-recommends nginx-light && rm -rf /var/lib/apt/lists/*
COPY --from=build /src/ok /usr/local/bin/ok
COPY --chown=www-data:www-data index.html /srv/www/
COPY site.conf /etc/nginx/sites-enabled/default
RUN chown -R www-data: /var/lib/nginx /run && sed -i 's/^user .*//; s#^pid .*#pid /tmp/nginx.pid;#' /etc/nginx/nginx.conf && chmod 1777 /tmp
USER www-data
WORKDIR /srv/www
EXPOSE 18080
HEALTHCHECK --interval=5s CMD ["/usr/local/bin/ok"]
ENTRYPOINT ["nginx"]
CMD ["-g", "daemon off;"]
D
build -o type=oci,dest=root.tar -o type=docker,dest=root-docker.tar -t site:root site >/dev/null 2>root.err || { tail -20 root.err; fail "root's build"; }
as_user "$COOPER" build --network=host --progress=plain -o "type=oci,dest=user/user.tar" \
  -o "type=docker,dest=user/user-docker.tar" -t site:user site >/dev/null 2>user.err || { tail -20 user.err; fail "the user's build"; }

# What apt and its scripts vary from run to run: logs, caches of fonts and linkers, backups with times in them.
same_tree --ignore-mtime root.tar user/user.tar --except 'var/log/*' --except 'var/cache/*' --except 'etc/ld.so.cache' \
  --except 'var/lib/apt/*' --except 'etc/*-' --except 'etc/machine-id' --except 'var/lib/dbus/*'
[ "$(tree_of user/user.tar | grep -c '"type": "char"')" -ge 8 ] || fail "the devices are gone"

serves() {  # serves URL: within ten seconds
  for _ in $(seq 50); do
    [ "$(curl -sf "$1" 2>/dev/null)" = '<h1>cask</h1>' ] && return 0
    sleep 0.2
  done
  return 1
}

start_docker
for archive in root-docker.tar user/user-docker.tar; do
  name=$(engine load -i "$archive" | sed -n 's/^Loaded image: //p')
  [ -n "$name" ] || fail "docker load of $archive"
  container=$(engine run -d --network host "$name")
  serves http://127.0.0.1:18080/ || { engine logs "$container"; fail "docker serves no page from $archive"; }
  equal "$(engine exec "$container" stat -c %U /srv/www/index.html)" www-data
  engine rm -f "$container" >/dev/null
done

podman_flags="--root $WORK/podman --runroot $WORK/podman-run --storage-driver vfs --cgroup-manager cgroupfs --events-backend file"
for archive in root.tar user/user.tar; do
  id=$(podman $podman_flags pull -q "oci-archive:$WORK/$archive")
  container=$(podman $podman_flags run -d --runtime runc --network host --ulimit nofile=1024:1024 --ulimit nproc=1024:1024 "$id") ||
    fail "podman run of $archive"
  serves http://127.0.0.1:18080/ || { podman $podman_flags logs "$container"; fail "podman serves no page from $archive"; }
  podman $podman_flags rm -f -t 0 "$container" >/dev/null
done
