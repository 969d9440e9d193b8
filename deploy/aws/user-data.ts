/**
 * What an instance does at its first start: reads its secrets, writes the variables of the origin and hands over to
 * deploy/instance/install.sh of the image, which makes user, kernel settings and units. Harmless when run again.
 */
import { Fn } from 'aws-cdk-lib';
import type { Settings } from './settings.ts';
import { DRAIN, PORTS } from './timings.ts';

export interface InstanceInput {
  readonly settings: Settings;
  /** Host of the relay's configuration endpoint, known once it is made. */
  readonly relayHost: string;
  readonly relaySecretArn: string;
  /** Where the agent sees that the instance is being deregistered. */
  readonly targetGroupArn: string;
}

const ENV_FILE = '/etc/hushwire/origin.env';

/** Lines of a bash script; secrets are read at run time and never in it. */
export function userDataLines(input: InstanceInput): string[] {
  const { settings } = input;
  return [
    'set -euo pipefail',
    'umask 077',
    `export AWS_DEFAULT_REGION=${settings.region}`,
    'secret() { aws secretsmanager get-secret-value --secret-id "$1" --query SecretString --output text; }',
    'token=$(curl -sf -X PUT -H "X-aws-ec2-metadata-token-ttl-seconds: 60" http://169.254.169.254/latest/api/token)',
    'instance=$(curl -sf -H "X-aws-ec2-metadata-token: $token" http://169.254.169.254/latest/meta-data/instance-id)',
    `database_url=$(secret ${settings.database.urlSecretArn})`,
    `relay_password=$(secret ${input.relaySecretArn})`,
    'mkdir -p /etc/hushwire',
    `cat >${ENV_FILE} <<EOF`,
    ...Object.entries(variablesOf(input)).map(([name, value]) => `${name}='${value}'`),
    'EOF',
    `cat >/etc/hushwire/agent.env <<EOF`,
    `HUSHWIRE_AGENT_TARGETS=${input.targetGroupArn}`,
    'HUSHWIRE_AGENT_INSTANCE=$instance',
    `AWS_DEFAULT_REGION=${settings.region}`,
    'EOF',
    'sh /opt/hushwire/deploy/instance/install.sh origin',
    'sh /opt/hushwire/deploy/aws/agent/install.sh',
    'systemctl start hushwire-origin hushwire-agent',
  ];
}

/** Names of deploy/configuration.md. `$…` is filled in by the instance's shell. */
function variablesOf({ settings, relayHost }: InstanceInput): Record<string, string> {
  return {
    HUSHWIRE_ORIGIN_NODE: '$instance',
    HUSHWIRE_ORIGIN_HOST: '0.0.0.0',
    HUSHWIRE_ORIGIN_PORT: String(PORTS.sockets),
    HUSHWIRE_ORIGIN_PUBLIC_URL: `wss://${settings.socketHost}`,
    HUSHWIRE_ORIGIN_INTERNAL_HOST: '0.0.0.0',
    HUSHWIRE_ORIGIN_INTERNAL_PORT: String(PORTS.api),
    HUSHWIRE_ORIGIN_HEALTH_HOST: '0.0.0.0',
    HUSHWIRE_ORIGIN_HEALTH_PORT: String(PORTS.health),
    HUSHWIRE_ORIGIN_RELAY_URL: Fn.join('', ['rediss://:$relay_password@', relayHost, `:${PORTS.relay}`]),
    HUSHWIRE_ORIGIN_DATABASE_URL: '$database_url',
    HUSHWIRE_ORIGIN_DATABASE_POOL_MAX: String(settings.database.poolMax),
    HUSHWIRE_ORIGIN_DATABASE_PREPARE: settings.database.isPooled ? 'no' : 'yes',
    HUSHWIRE_ORIGIN_EDGE_ISSUER: settings.edgeIssuer,
    HUSHWIRE_ORIGIN_EDGE_KEYS: JSON.stringify(settings.edgeKeys),
    HUSHWIRE_ORIGIN_DRAIN_LEAD_MS: String(DRAIN.lead * 1_000),
    HUSHWIRE_ORIGIN_DRAIN_WINDOW_MS: String(DRAIN.window * 1_000),
    HUSHWIRE_ORIGIN_DRAIN_CAP_MS: String(DRAIN.cap * 1_000),
    HUSHWIRE_ORIGIN_PROCESSES: String(settings.processes),
  };
}
