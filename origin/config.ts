import {
  type Configuration,
  choice,
  type Env,
  type EnvSource,
  integer,
  json,
  list,
  readEnv,
  refuse,
  text,
  url,
  urls,
  type Variable,
  withoutOther,
} from '../shared/env.ts';
import { isCommitment } from '../shared/franking.ts';
import type { PublicKeys } from '../shared/token.ts';
import { LIMIT_VARIABLES, limitFaults } from './limits.ts';

/** Prefix of every variable this process reads; others with it are faults. */
export const ORIGIN_PREFIX = 'HUSHWIRE_ORIGIN_';

const port = (name: string, about: string, fallback: number) =>
  integer(name, { about, min: 0, max: 65_535, fallback });

/** Stays text, since a frozen configuration cannot hold bytes. */
function frankingKey(name: string): Variable<string> {
  const about =
    'secret that stamps what is relayed, so that it can be reported; the edge holds it, too. None: no stamps';
  return {
    ...text(name, { about, isSecret: true, fallback: '' }),
    wanted: '32 bytes as base64url',
    parse: (value) => {
      if (value !== '' && !isCommitment(value)) throw new Error('other form');
      return value;
    },
  };
}

/** For an address that the path of sockets is put behind. */
function withoutPath(variable: Variable<string>): Variable<string> {
  return {
    ...variable,
    wanted: `${variable.wanted} without a path`,
    parse: (text) => {
      const value = variable.parse(text);
      if (value === '') return value;
      const { pathname, search, hash } = new URL(value);
      if (`${pathname}${search}${hash}` !== '/') throw new Error('it has a path');
      return value;
    },
  };
}

/** Every variable of the origin; also the source of its documentation table. */
export const ORIGIN_VARIABLES = {
  node: text('HUSHWIRE_ORIGIN_NODE', { about: 'name of this node, unique among nodes' }),
  host: text('HUSHWIRE_ORIGIN_HOST', { about: 'address the sockets listen on', fallback: '127.0.0.1' }),
  port: port('HUSHWIRE_ORIGIN_PORT', 'port the sockets listen on; 0 picks one', 9001),
  sharePort: choice('HUSHWIRE_ORIGIN_SHARE_PORT', {
    about:
      'whether other processes may listen on the same port (SO_REUSEPORT): one a core, or the next release',
    of: ['yes', 'no'],
    fallback: 'no',
  }),
  tlsCertPath: text('HUSHWIRE_ORIGIN_TLS_CERT_PATH', {
    about: 'file of the certificate chain (PEM) for TLS without a proxy in front; none: no TLS',
    fallback: '',
  }),
  tlsKeyPath: text('HUSHWIRE_ORIGIN_TLS_KEY_PATH', {
    about: 'file of the private key (PEM) of that certificate',
    fallback: '',
  }),
  publicUrl: withoutPath(
    url('HUSHWIRE_ORIGIN_PUBLIC_URL', {
      about: 'where clients reach this node; default: host and port',
      protocols: ['ws:', 'wss:'],
      fallback: '',
    }),
  ),
  socketIdleSeconds: integer('HUSHWIRE_ORIGIN_SOCKET_IDLE_SECONDS', {
    about:
      'after how long a silent socket is closed; it is pinged before, so no living one is idle for longer',
    min: 8,
    max: 600,
    fallback: 60,
  }),
  internalHost: text('HUSHWIRE_ORIGIN_INTERNAL_HOST', {
    about: 'address of the internal API',
    fallback: '127.0.0.1',
  }),
  internalPort: port('HUSHWIRE_ORIGIN_INTERNAL_PORT', 'port of the internal API; 0 picks one', 9201),
  keepAliveMs: integer('HUSHWIRE_ORIGIN_KEEP_ALIVE_MS', {
    about:
      'how long an idle connection of the internal API or of health is kept; above the idle timeout of a balancer',
    min: 1_000,
    max: 3_600_000,
    fallback: 95_000,
  }),
  healthHost: text('HUSHWIRE_ORIGIN_HEALTH_HOST', {
    about: 'address of health and metrics',
    fallback: '127.0.0.1',
  }),
  healthPort: port('HUSHWIRE_ORIGIN_HEALTH_PORT', 'port of health and metrics; 0 picks one', 9101),
  relayUrls: urls('HUSHWIRE_ORIGIN_RELAY_URL', {
    about: 'relay Redis or Valkey, 7 or newer; of a Cluster, one or more of its nodes',
    protocols: ['redis:', 'rediss:'],
    isSecret: true,
  }),
  databaseUrl: url('HUSHWIRE_ORIGIN_DATABASE_URL', {
    about: 'Postgres',
    protocols: ['postgres:', 'postgresql:'],
    isSecret: true,
  }),
  databasePoolMax: integer('HUSHWIRE_ORIGIN_DATABASE_POOL_MAX', {
    about: 'most connections to Postgres',
    min: 1,
    max: 100,
    fallback: 20,
  }),
  databasePrepare: choice('HUSHWIRE_ORIGIN_DATABASE_PREPARE', {
    about: 'prepared statements; `no` behind a transaction pooler',
    of: ['yes', 'no'],
    fallback: 'yes',
  }),
  edgeIssuer: url('HUSHWIRE_ORIGIN_EDGE_ISSUER', {
    about: "the edge's public URL, issuer of every token",
    protocols: ['http:', 'https:'],
  }),
  edgeKeys: json('HUSHWIRE_ORIGIN_EDGE_KEYS', {
    about: "the edge's public signing keys",
    wanted: 'a JSON Web Key Set of public Ed25519 keys',
    check: publicKeys,
  }),
  frankingKey: frankingKey('HUSHWIRE_ORIGIN_FRANKING_KEY'),
  webOrigins: list('HUSHWIRE_ORIGIN_WEB_ORIGINS', {
    about: 'web origins whose pages may open sockets; native clients send none',
    fallback: '',
  }),
  revocationReadSeconds: integer('HUSHWIRE_ORIGIN_REVOCATION_READ_SECONDS', {
    about: 'how late, at most, a revocation is noticed whose hint was lost',
    min: 1,
    max: 30,
    fallback: 30,
  }),
  logRetentionHours: integer('HUSHWIRE_ORIGIN_LOG_RETENTION_HOURS', {
    about: 'how long publications stay in a channel log, and up to an eighth longer',
    min: 1,
    max: 720,
    fallback: 24,
  }),
  presenceSeconds: integer('HUSHWIRE_ORIGIN_PRESENCE_SECONDS', {
    about: 'how long a member whose node died is still shown as present',
    min: 2,
    max: 600,
    fallback: 60,
  }),
  drainLeadMs: integer('HUSHWIRE_ORIGIN_DRAIN_LEAD_MS', {
    about: 'how long a stopping node goes on accepting: what a balancer needs to notice',
    min: 0,
    max: 120_000,
    fallback: 0,
  }),
  drainWindowMs: integer('HUSHWIRE_ORIGIN_DRAIN_WINDOW_MS', {
    about: 'over how long a stopping node spreads its connections; at 50 to 500 a second in any case',
    min: 1_000,
    max: 3_600_000,
    fallback: 120_000,
  }),
  drainCapMs: integer('HUSHWIRE_ORIGIN_DRAIN_CAP_MS', {
    about: 'after how long a stopping node closes whoever is left',
    min: 1_000,
    max: 3_600_000,
    fallback: 240_000,
  }),
  ...LIMIT_VARIABLES,
} as const;

export type OriginConfig = Configuration<typeof ORIGIN_VARIABLES>;

/** Every variable of a host of several node processes: those of a node, and how many. */
export const HOST_VARIABLES = {
  ...ORIGIN_VARIABLES,
  processes: integer('HUSHWIRE_ORIGIN_PROCESSES', {
    about: 'node processes of a host (origin/host.ts), behind one port; 0: one a core',
    min: 0,
    max: 256,
    fallback: 0,
  }),
} as const;

export type HostConfig = Configuration<typeof HOST_VARIABLES>;

/**
 * Reads the configuration of a host; throws ConfigurationError with every fault at once. Its processes share one port,
 * so that one must be named.
 */
export function readHostConfig(env: Env, readFile?: EnvSource['readFile']): HostConfig {
  const config = readEnv(HOST_VARIABLES, { env, prefix: ORIGIN_PREFIX, ...(readFile && { readFile }) });
  const isUnnamed = config.port === 0;
  const port = `${ORIGIN_VARIABLES.port.name} is 0; wanted: the port its processes share`;
  refuse([...combinationFaults(config), ...(isUnnamed ? [port] : [])]);
  return config;
}

/** Reads the origin's configuration; throws ConfigurationError with every fault at once. */
export function readConfig(env: Env, readFile?: EnvSource['readFile']): OriginConfig {
  const config = readEnv(ORIGIN_VARIABLES, { env, prefix: ORIGIN_PREFIX, ...(readFile && { readFile }) });
  refuse(combinationFaults(config));
  return config;
}

/** What is wrong with variables that are each well. */
function combinationFaults(config: OriginConfig): string[] {
  const { tlsCertPath: cert, tlsKeyPath: key } = ORIGIN_VARIABLES;
  const tls = withoutOther([cert.name, config.tlsCertPath], [key.name, config.tlsKeyPath]);
  return [...tls, ...limitFaults(config)];
}

/** Only public keys get in: an origin that was handed a private one must not even start. */
function publicKeys(value: unknown): PublicKeys {
  const keys = (value as { keys?: unknown } | null)?.keys;
  if (!Array.isArray(keys) || keys.length === 0) throw new Error('no keys');
  for (const key of keys as Record<string, unknown>[]) {
    if (key.kty !== 'OKP' || key.crv !== 'Ed25519' || typeof key.kid !== 'string')
      throw new Error('not an Ed25519 key with a kid');
    if ('d' in key) throw new Error('a private key does not belong here');
  }
  return value as PublicKeys;
}
