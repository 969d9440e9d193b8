#!/bin/sh
# Takes out of node_modules what an image never loads: binaries for other machines, compilers, what only the other part needs.
#   trim.sh origin            or: edge
set -eu
cd node_modules
rm -rf typescript @typescript
case $1 in
  origin)
    own="uws_linux_$(node -p process.arch)_$(node -p process.versions.modules).node"
    test -f "uWebSockets.js/dist/bin/$own"
    find uWebSockets.js/dist/bin -name '*.node' ! -name "$own" -delete
    ;;
  edge) rm -rf uWebSockets.js esbuild @esbuild tsx ioredis postgres ws ;;
esac
