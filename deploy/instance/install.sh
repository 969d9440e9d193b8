#!/bin/sh
# Makes a Debian or Ubuntu host run Hushwire: user, settings of the kernel, units. Run as root, with what it shall run:
#
#   install.sh origin            or: edge, or both
#
# May be run again at any time: what is there stays, what has changed is replaced, and only what has changed is restarted by
# you. It stops at the first step that fails, and says which. It needs /opt/hushwire (the checkout, with `npm ci` done) and
# /etc/hushwire/<part>.env (deploy/configuration.md has the variables).
set -eu

ROOT=${HUSHWIRE_ROOT:-}                      # another root, for images and tests
HERE=$(cd "$(dirname "$0")" && pwd)
CONFIG="$ROOT/etc/hushwire"

fail() {
  echo "install.sh: $1" >&2
  exit 1
}

# put <file> <where> <mode>: copies it unless the same is there; says so.
put() {
  if [ -f "$2" ] && cmp -s "$1" "$2"; then
    return 0
  fi
  install -D -m "$3" "$1" "$2" || fail "cannot write $2"
  echo "written: $2"
}

[ $# -gt 0 ] || fail "say what this host shall run: origin, edge or both"
for part in "$@"; do
  case $part in
    origin | edge) ;;
    *) fail "\"$part\" is neither origin nor edge" ;;
  esac
done
[ "${HUSHWIRE_ROOT:-}" != "" ] || [ "$(id -u)" = 0 ] || fail "run this as root"

if ! id -u hushwire >/dev/null 2>&1; then
  useradd --system --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin hushwire ||
    fail "cannot make the user hushwire"
  echo "made: user hushwire"
fi

put "$HERE/60-hushwire.conf" "$ROOT/etc/sysctl.d/60-hushwire.conf" 644
sysctl --quiet --load="$ROOT/etc/sysctl.d/60-hushwire.conf" ||
  echo "install.sh: some settings of the kernel were refused (in a container they are the host's); see above" >&2

for part in "$@"; do
  [ -f "$CONFIG/$part.env" ] ||
    fail "$CONFIG/$part.env is missing: make it from deploy/configuration.md, mode 600, then run this again"
  chmod 600 "$CONFIG/$part.env" || fail "cannot protect $CONFIG/$part.env"
  for unit in "$HERE/hushwire-$part"*.service; do
    put "$unit" "$ROOT/etc/systemd/system/$(basename "$unit")" 644
  done
done

systemctl daemon-reload || fail "systemd did not read its units again"
for part in "$@"; do
  systemctl enable "hushwire-$part.service" || fail "cannot enable hushwire-$part"
done
echo "installed: $*. Begin with: systemctl start $(printf 'hushwire-%s ' "$@")"
