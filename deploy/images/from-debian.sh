#!/usr/bin/env bash
# Makes the images that a machine without an image registry cannot pull, from Debian's packages and from the Node, npm
# and nats-server of this machine: for trying out and for tests, not for production. Run it as root, after `npm run build`.
# Usage: deploy/images/from-debian.sh [base] [build] [nats] [postgres] [caddy]     (all of them without arguments)
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
repository=$(cd "$here/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# What a program that is linked to the C and C++ libraries needs, and nothing else: no shell, no package manager.
libraries() {
  mkdir -p "$1/tmp" "$work/debs"
  chmod 1777 "$1/tmp"
  (cd "$work/debs" && apt-get download -qq -o APT::Sandbox::User=root libc6 libgcc-s1 libstdc++6)
  for deb in "$work"/debs/*.deb; do dpkg -x "$deb" "$1"; done
  rm -rf "$1/usr/share" "$1"/usr/lib/*/gconv "$work/debs"
  mkdir -p "$1/etc"
  printf 'root:x:0:0:root:/:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/tmp:/sbin/nologin\n' >"$1/etc/passwd"
  printf 'root:x:0:\nnonroot:x:65532:\n' >"$1/etc/group"
}

import() {
  local root=$1 tag=$2
  shift 2
  tar -C "$root" -c . | docker import "$@" - "$tag" >/dev/null
  echo "$tag $(docker image inspect --format '{{.Size}}' "$tag" | awk '{printf "%.0f MB", $1 / 1e6}')"
}

make_base() {
  libraries "$work/base"
  import "$work/base" careseal-local/base
}

make_build() {
  local root=$work/build
  libraries "$root"
  (cd "$work" && apt-get download -qq -o APT::Sandbox::User=root busybox-static && dpkg -x busybox-static_*.deb busybox)
  mkdir -p "$root/bin" "$root/usr/bin" "$root/usr/local/bin" "$root/usr/local/lib/node_modules" "$root/etc/ssl/certs"
  install "$work/busybox/bin/busybox" "$root/bin/busybox"
  for name in $("$root/bin/busybox" --list); do [ "$name" = busybox ] || ln -sf /bin/busybox "$root/bin/$name"; done
  ln -s /bin/env "$root/usr/bin/env"
  cp "$repository"/node_modules/node-linux-*/bin/node "$root/usr/local/bin/node"
  cp -r "$(npm root -g 2>/dev/null)/npm" "$root/usr/local/lib/node_modules/npm"
  ln -s ../lib/node_modules/npm/bin/npm-cli.js "$root/usr/local/bin/npm"
  ln -s ../lib/node_modules/npm/bin/npx-cli.js "$root/usr/local/bin/npx"
  cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
  import "$root" careseal-local/build -c 'ENV PATH=/usr/local/bin:/usr/bin:/bin' \
    -c 'ENV NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt'
}

make_nats() {
  local server
  server=$(cd "$repository" && PATH=$repository/node_modules/.bin:$PATH node --input-type=module \
    -e 'console.log(await (await import("@careseal/stack")).natsServerPath())')
  libraries "$work/nats"
  mkdir -p "$work/nats/data"
  cp "$server" "$work/nats/nats-server"
  import "$work/nats" careseal-local/nats -c 'ENTRYPOINT ["/nats-server"]' -c 'EXPOSE 4222 8222'
}

make_postgres() {
  debian_root "$work/postgres.tar" sid postgresql-18 "copy-in $here/postgres-entrypoint.sh /usr/local/bin"
  docker import -c 'ENV PATH=/usr/lib/postgresql/18/bin:/usr/local/bin:/usr/bin:/bin' -c 'ENV LANG=C.UTF-8' \
    -c 'ENV PGDATA=/var/lib/postgresql/18/docker' -c 'VOLUME /var/lib/postgresql' -c 'EXPOSE 5432' \
    -c 'ENTRYPOINT ["sh", "/usr/local/bin/postgres-entrypoint.sh"]' -c 'CMD ["postgres"]' \
    "$work/postgres.tar" careseal-local/postgres >/dev/null
  echo careseal-local/postgres
}

# The user is there because initdb wants to know the name of whoever runs it.
debian_root() {
  command -v mmdebstrap >/dev/null || apt-get install -y -qq --no-install-recommends mmdebstrap >/dev/null
  local mirror
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Label: Debian' | head -n 1)
  mmdebstrap --quiet --variant=apt --mode=root --keyring=/usr/share/keyrings/debian-archive-keyring.gpg \
    --include="$3" --dpkgopt='path-exclude=/usr/share/doc/*' --aptopt='APT::Install-Recommends "false"' \
    --aptopt='Acquire::Check-Valid-Until "false"' --customize-hook="$4" \
    --customize-hook='echo "nonroot:x:65532:65532::/tmp:/usr/sbin/nologin" >>"$1/etc/passwd"' "$2" "$1" "$mirror"
}

make_caddy() {
  debian_root "$work/caddy.tar" sid caddy true
  docker import -c 'ENV PATH=/usr/bin' -c 'CMD ["caddy", "run", "--config", "/etc/caddy/Caddyfile"]' \
    "$work/caddy.tar" careseal-local/caddy >/dev/null
  echo careseal-local/caddy
}

[ $# -gt 0 ] || set -- base build nats postgres caddy
for image in "$@"; do "make_$image"; done
