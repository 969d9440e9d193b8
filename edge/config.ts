import { fromBase64Url } from '../shared/bytes.ts';
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
  type Variable,
  withoutOther,
} from '../shared/env.ts';
import { BAN_KEYS_MAX } from '../shared/internal/bans.ts';
import type { JWK } from '../shared/token.ts';
import { parseCidr } from './address.ts';
import { isDeviceId } from './schemas.ts';
import { Secret } from './secret.ts';

/** Prefix of every variable this process reads; others with it are faults. */
export const EDGE_PREFIX = 'HUSHWIRE_EDGE_';

/** A symmetric key of 32 bytes and the version that stands in front of what it made. */
export interface VersionedKey {
  readonly version: number;
  readonly bytes: Secret<Uint8Array<ArrayBuffer>>;
}

const HTTP = ['http:', 'https:'] as const;
const KEY_BYTES = 32;
const KEY_VERSION_MAX = 9_999;

/** Every variable of the edge; also the source of its documentation table and of Deno's list of allowed names. */
export const EDGE_VARIABLES = {
  host: text('HUSHWIRE_EDGE_HOST', { about: 'address it listens on', fallback: '127.0.0.1' }),
  port: integer('HUSHWIRE_EDGE_PORT', {
    about: 'port it listens on; 0 picks one',
    min: 0,
    max: 65_535,
    fallback: 8787,
  }),
  metricsPort: integer('HUSHWIRE_EDGE_METRICS_PORT', {
    about: 'port for Prometheus, on the address of HUSHWIRE_EDGE_METRICS_HOST; 0: none',
    min: 0,
    max: 65_535,
    fallback: 0,
  }),
  metricsHost: text('HUSHWIRE_EDGE_METRICS_HOST', {
    about: 'address of the metrics; best one that only Prometheus reaches',
    fallback: '127.0.0.1',
  }),
  webDir: text('HUSHWIRE_EDGE_WEB_DIR', {
    about: 'directory of the built web messenger (npm run web), served at /; none: no page. Deno only',
    fallback: '',
  }),
  tlsCertPath: text('HUSHWIRE_EDGE_TLS_CERT_PATH', {
    about: 'file of the certificate chain (PEM) for TLS without a proxy in front; none: no TLS',
    fallback: '',
  }),
  tlsKeyPath: text('HUSHWIRE_EDGE_TLS_KEY_PATH', {
    about: 'file of the private key (PEM) of that certificate',
    fallback: '',
  }),
  keepAliveMs: integer('HUSHWIRE_EDGE_KEEP_ALIVE_MS', {
    about: 'how long an idle connection is kept; above the idle timeout of a balancer. Deno only',
    min: 1_000,
    max: 3_600_000,
    fallback: 95_000,
  }),
  publicUrl: refine(
    url('HUSHWIRE_EDGE_PUBLIC_URL', {
      about: 'where clients reach it; also issuer of every token and audience of assertions',
      protocols: HTTP,
    }),
    { wanted: 'an http or https URL without a path', check: webOrigin },
  ),
  signingKeys: json('HUSHWIRE_EDGE_SIGNING_KEYS', {
    about: 'keys that sign tokens; the first signs, all are published',
    wanted: 'a JSON Web Key Set of private Ed25519 keys, each with its own kid',
    isSecret: true,
    check: signingKeys,
  }),
  tagKey: refine(text('HUSHWIRE_EDGE_TAG_KEY', { about: 'key that turns ids into tags', isSecret: true }), {
    wanted: '<version>:<32 bytes as base64url>',
    check: versionedKey,
  }),
  sealKeys: refine(
    list('HUSHWIRE_EDGE_SEAL_KEYS', {
      about: 'keys that seal records; the first seals, all open',
      isSecret: true,
    }),
    { wanted: 'comma-separated <version>:<32 bytes as base64url>, each version once', check: keyRing },
  ),
  banKeys: refine(
    list('HUSHWIRE_EDGE_BAN_KEYS', {
      about:
        'keys that turn whom a ban is about into its tag; the first places, all are looked for. None: the tag key alone',
      isSecret: true,
      fallback: '',
    }),
    {
      wanted: `none to ${BAN_KEYS_MAX}, comma-separated <version>:<32 bytes as base64url>, each version once`,
      check: banKeyRing,
    },
  ),
  frankingKeys: refine(
    list('HUSHWIRE_EDGE_FRANKING_KEYS', {
      about: 'secrets that origins stamp with, or did in the last 14 days. None: nothing can be reported',
      isSecret: true,
      fallback: '',
    }),
    { wanted: 'comma-separated secrets of 32 bytes as base64url', check: frankingKeys },
  ),
  stateUrl: url('HUSHWIRE_EDGE_STATE_URL', { about: 'REST URL of the state Redis', protocols: HTTP }),
  stateToken: refine(
    text('HUSHWIRE_EDGE_STATE_TOKEN', { about: 'bearer token of the state Redis', isSecret: true }),
    { wanted: 'text', check: (value) => new Secret(value) },
  ),
  originApi: refine(
    list('HUSHWIRE_EDGE_ORIGIN_API', {
      about: 'internal APIs of the origins; the first that answers is used',
    }),
    { wanted: 'comma-separated http or https URLs', check: httpUrls },
  ),
  signUp: choice('HUSHWIRE_EDGE_SIGN_UP', {
    about:
      'who may make an account: anybody, whoever an operator has invited, or whom the OIDC issuer vouches for',
    of: ['open', 'invite', 'oidc'],
    fallback: 'open',
  }),
  oidcIssuer: text('HUSHWIRE_EDGE_OIDC_ISSUER', {
    about:
      'issuer of ID tokens (OpenID Connect), exactly as its tokens name it; only for the sign-up policy `oidc`',
    fallback: '',
  }),
  oidcClientId: text('HUSHWIRE_EDGE_OIDC_CLIENT_ID', {
    about: 'client its ID tokens must be made out to',
    fallback: '',
  }),
  operators: refine(
    list('HUSHWIRE_EDGE_OPERATORS', {
      about: 'accounts that run the service, by the id of the device that signs or signed each of them up',
      fallback: '',
    }),
    { wanted: 'comma-separated device ids: RFC 7638 thumbprints of 43 characters', check: deviceIds },
  ),
  totpPolicy: choice('HUSHWIRE_EDGE_TOTP_POLICY', {
    about: 'whether accounts must have a second factor; where they must, those without can only set one up',
    of: ['optional', 'required'],
    fallback: 'optional',
  }),
  trustedProxies: refine(
    list('HUSHWIRE_EDGE_TRUSTED_PROXIES', {
      about: 'proxies in front whose `X-Forwarded-For` tells who calls; others are not believed',
      fallback: '',
    }),
    { wanted: 'comma-separated addresses or ranges such as 10.0.0.0/8', check: (all) => all.map(parseCidr) },
  ),
  limitProfile: choice('HUSHWIRE_EDGE_LIMIT_PROFILE', {
    about: 'budgets of addresses: `loadtest` raises them 10,000 times',
    of: ['default', 'loadtest'],
    fallback: 'default',
  }),
  limitTimeoutMs: integer('HUSHWIRE_EDGE_LIMIT_TIMEOUT_MS', {
    about: 'longest wait for a verdict on a budget',
    min: 10,
    max: 2_000,
    fallback: 80,
  }),
  webOrigins: refine(
    list('HUSHWIRE_EDGE_WEB_ORIGINS', {
      about: 'web origins whose pages may call, besides its own; others are refused',
      fallback: '',
    }),
    { wanted: 'comma-separated web origins such as https://chat.example', check: webOrigins },
  ),
} as const;

export type EdgeConfig = Configuration<typeof EDGE_VARIABLES>;

/** Reads the edge's configuration; throws ConfigurationError with every fault at once. */
export function readConfig(env: Env, readFile?: EnvSource['readFile']): EdgeConfig {
  const config = readEnv(EDGE_VARIABLES, { env, prefix: EDGE_PREFIX, ...(readFile && { readFile }) });
  const { tlsCertPath, tlsKeyPath } = EDGE_VARIABLES;
  const tls = withoutOther([tlsCertPath.name, config.tlsCertPath], [tlsKeyPath.name, config.tlsKeyPath]);
  refuse([...tls, ...issuerFaults(config)]);
  return config;
}

/** The policy needs an issuer, and an issuer a policy: one without the other is a mistake of somebody. */
function issuerFaults({ signUp, oidcIssuer, oidcClientId }: EdgeConfig): string[] {
  const names = [EDGE_VARIABLES.oidcIssuer, EDGE_VARIABLES.oidcClientId].map(({ name }) => name);
  const values = [oidcIssuer, oidcClientId];
  const faults = names.flatMap((name, i) => {
    if (signUp === 'oidc' && values[i] === '')
      return [`${name} is not set, but ${EDGE_VARIABLES.signUp.name} is oidc`];
    if (signUp !== 'oidc' && values[i] !== '')
      return [`${name} is set, but ${EDGE_VARIABLES.signUp.name} is ${signUp}`];
    return [];
  });
  if (signUp === 'oidc' && oidcIssuer !== '' && !isIssuer(oidcIssuer))
    faults.push(
      `${names[0]} must be an https URL without query or fragment (http only on this very machine)`,
    );
  return faults;
}

/** OpenID Connect Discovery 1.0, section 3: https, neither query nor fragment. */
function isIssuer(value: string): boolean {
  if (!URL.canParse(value)) return false;
  const { protocol, hostname, search, hash } = new URL(value);
  const isLocal = hostname === '127.0.0.1' || hostname === 'localhost';
  return (protocol === 'https:' || (protocol === 'http:' && isLocal)) && search === '' && hash === '';
}

/** A variable that reads like `base` and is then checked once more. */
function refine<A, B>(
  base: Variable<A>,
  { wanted, check }: { wanted: string; check: (value: A) => B },
): Variable<B> {
  return { ...base, wanted, parse: (value) => check(base.parse(value)) };
}

function webOrigin(value: string): string {
  const parsed = new URL(value);
  if (!HTTP.some((protocol) => protocol === parsed.protocol))
    throw new Error(`the scheme is ${parsed.protocol}`);
  if (parsed.origin !== value) throw new Error('not a bare web origin');
  return value;
}

function webOrigins(values: readonly string[]): readonly string[] {
  return Object.freeze(values.map(webOrigin));
}

function deviceIds(values: readonly string[]): readonly string[] {
  if (!values.every(isDeviceId)) throw new Error('other form');
  return Object.freeze([...values]);
}

function httpUrls(values: readonly string[]): readonly string[] {
  if (values.length === 0) throw new Error('none given');
  return Object.freeze(
    values.map((value) => {
      const { protocol, search, hash } = new URL(value);
      if (!HTTP.some((wanted) => wanted === protocol)) throw new Error(`the scheme is ${protocol}`);
      if (search !== '' || hash !== '') throw new Error('neither query nor fragment belongs here');
      return value.replace(/\/$/, '');
    }),
  );
}

function versionedKey(value: string): VersionedKey {
  const [, version, encoded] = /^(\d{1,4}):([A-Za-z0-9_-]+)$/.exec(value) ?? [];
  if (version === undefined || encoded === undefined) throw new Error('other form');
  const bytes = fromBase64Url(encoded);
  const number = Number(version);
  if (number < 1 || number > KEY_VERSION_MAX) throw new Error(`a version is 1 to ${KEY_VERSION_MAX}`);
  if (bytes.length !== KEY_BYTES) throw new Error(`a key of ${bytes.length} bytes`);
  return Object.freeze({ version: number, bytes: new Secret(bytes) });
}

function keyRing(values: readonly string[]): readonly VersionedKey[] {
  const keys = values.map(versionedKey);
  if (keys.length === 0) throw new Error('no keys');
  if (new Set(keys.map((key) => key.version)).size !== keys.length) throw new Error('a version came twice');
  return Object.freeze(keys);
}

/** Every ban is looked for under each of them, in one call. */
function banKeyRing(values: readonly string[]): readonly VersionedKey[] {
  if (values.length > BAN_KEYS_MAX) throw new Error(`${values.length} keys`);
  return values.length === 0 ? [] : keyRing(values);
}

function frankingKeys(values: readonly string[]): readonly Secret<Uint8Array<ArrayBuffer>>[] {
  return Object.freeze(
    values.map((value) => {
      const bytes = fromBase64Url(value);
      if (bytes.length !== KEY_BYTES) throw new Error(`a key of ${bytes.length} bytes`);
      return new Secret(bytes);
    }),
  );
}

function signingKeys(value: unknown): Secret<readonly JWK[]> {
  const keys = (value as { keys?: unknown } | null)?.keys;
  if (!Array.isArray(keys) || keys.length === 0) throw new Error('no keys');
  for (const key of keys as Record<string, unknown>[]) {
    if (key.kty !== 'OKP' || key.crv !== 'Ed25519') throw new Error('not an Ed25519 key');
    for (const name of ['kid', 'x', 'd'])
      if (typeof key[name] !== 'string' || key[name] === '') throw new Error(`a key without ${name}`);
  }
  if (new Set(keys.map((key: JWK) => key.kid)).size !== keys.length) throw new Error('a kid came twice');
  return new Secret(Object.freeze(keys as JWK[]));
}
