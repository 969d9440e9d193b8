#!/bin/sh
# Installs one package with apt-get, as root, without a service: none is started now or at the next boot, and a program
# that is there already is not touched (this runs only where there is none at all).
#   install-package.sh <package>
set -eu
package=$1
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
  apt-get install -y --no-install-recommends "$package"
}

# Refreshes the package lists only where they are missing or too old to install from.
if apt-cache show "$package" >/dev/null 2>&1; then
  install || { apt-get update && install; }
else
  apt-get update
  install
fi

if [ -d /run/systemd/system ] && systemctl cat "$package.service" >/dev/null 2>&1; then
  systemctl disable "$package"
fi
