#!/bin/sh
# Installs the agent's unit and the way of the origin's log to CloudWatch; may be run again. Needs root, the CloudWatch agent,
# logrotate, and /etc/hushwire/agent.env (deploy/aws/user-data.ts writes it). HUSHWIRE_ROOT: another root, for tests.
set -eu
HERE=$(cd "$(dirname "$0")" && pwd)
ROOT=${HUSHWIRE_ROOT:-}
UNITS="$ROOT/etc/systemd/system"

[ -f "$ROOT/etc/hushwire/agent.env" ] || {
  echo "install.sh: /etc/hushwire/agent.env is missing" >&2
  exit 1
}
install -d -m 750 "$ROOT/var/log/hushwire"
install -D -m 644 "$HERE/hushwire-agent.service" "$UNITS/hushwire-agent.service"
install -D -m 644 "$HERE/log.conf" "$UNITS/hushwire-origin.service.d/log.conf"
install -D -m 644 "$HERE/logrotate.conf" "$ROOT/etc/logrotate.d/hushwire"
install -D -m 644 "$HERE/cloudwatch.json" "$ROOT/opt/aws/amazon-cloudwatch-agent/etc/hushwire.json"
systemctl daemon-reload
systemctl enable hushwire-agent.service
"$ROOT/opt/aws/amazon-cloudwatch-agent/bin/amazon-cloudwatch-agent-ctl" -a fetch-config -m ec2 -s \
  -c "file:$ROOT/opt/aws/amazon-cloudwatch-agent/etc/hushwire.json"
