#!/bin/sh
# Installs Redis with apt-get, as root, without a service: none is started now or at the next boot, and one that is
# there already is not touched (this runs only where there is no redis-server at all).
set -eu
export DEBIAN_FRONTEND=noninteractive

# Packages ask this file whether they may start what they bring (Debian Policy, invoke-rc.d).
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  trap 'exit 130' INT TERM HUP
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
fi

install() {
  apt-get install -y --no-install-recommends redis-server
}

# Refreshes the package lists only where they are missing or too old to install from.
if apt-cache show redis-server >/dev/null 2>&1; then
  install || { apt-get update && install; }
else
  apt-get update
  install
fi

if [ -d /run/systemd/system ]; then
  systemctl disable redis-server
fi
