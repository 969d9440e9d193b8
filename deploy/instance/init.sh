#!/bin/sh
# First process of a container: runs what it is given, passes signals on and ends with its exit code. Node reaps only the
# processes that it started itself, so what those leave behind would stay as zombies; a shell that waits reaps everything.
#
#   init.sh node --import tsx origin/host.ts
set -u

child=''
for name in TERM INT HUP; do
  trap "test -z \"\$child\" || kill -$name \"\$child\"" "$name"
done
"$@" &
child=$!
# A signal ends the wait, not what is waited for.
code=0
while kill -0 "$child" 2>/dev/null; do
  wait "$child"
  code=$?
done
exit "$code"
