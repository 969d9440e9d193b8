#!/bin/sh
# Installs the agent's unit; may be run again. Needs root, and /etc/hushwire/agent.env (deploy/aws/user-data.ts writes it).
set -eu
HERE=$(cd "$(dirname "$0")" && pwd)
install -D -m 644 "$HERE/hushwire-agent.service" /etc/systemd/system/hushwire-agent.service
systemctl daemon-reload
systemctl enable hushwire-agent.service
