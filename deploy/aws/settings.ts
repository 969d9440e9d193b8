/** What an installation on AWS may choose: one JSON file, checked whole before anything is synthesised. */
import * as v from 'valibot';

const matching = (pattern: RegExp, wanted: string) => v.pipe(v.string(wanted), v.regex(pattern, wanted));
const whole = (least: number, most: number) => {
  const wanted = `a whole number from ${least} to ${most}`;
  return v.pipe(v.number(wanted), v.integer(wanted), v.minValue(least, wanted), v.maxValue(most, wanted));
};
const REGION = matching(/^[a-z]{2}(-[a-z]+)+-\d$/, 'a region such as eu-central-1');
const HOST = matching(/^(?=.{4,253}$)[a-z0-9-]+(\.[a-z0-9-]+)+$/, 'a host name such as chat.example.org');
const SECRET = matching(
  /^arn:aws[\w-]*:secretsmanager:[\w-]+:\d{12}:secret:[\w/+=.@-]+-\w{6}$/,
  'the whole ARN of a secret',
);
const BUCKET = matching(/^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/, 'the name of a bucket');

const Shape = v.pipe(
  v.strictObject({
    account: matching(/^\d{12}$/, 'an account number of 12 digits'),
    region: REGION,
    availabilityZones: v.pipe(
      v.array(matching(/^[a-z0-9-]+[a-z]$/, 'a zone such as eu-central-1a')),
      v.minLength(2, 'at least two zones'),
      v.check((zones) => new Set(zones).size === zones.length, 'each zone once'),
    ),
    /** Where clients open sockets, and where the edge calls the nodes' internal API. */
    socketHost: HOST,
    apiHost: HOST,
    certificateArn: matching(
      /^arn:aws[\w-]*:acm:[\w-]+:\d{12}:certificate\/[\w-]+$/,
      'the ARN of a certificate',
    ),
    edgeIssuer: matching(/^https:\/\/[a-z0-9.-]+(:\d+)?$/, 'an https URL without a path'),
    /** The edge's public signing keys, as it publishes them under /.well-known/jwks.json. */
    edgeKeys: v.strictObject({
      keys: v.pipe(
        v.array(
          v.strictObject({
            kty: v.literal('OKP'),
            crv: v.literal('Ed25519'),
            x: matching(/^[\w-]{43}$/, 'a public key'),
            kid: matching(/^[\w.-]{1,64}$/, 'a key id'),
            alg: v.optional(v.literal('EdDSA')),
            use: v.optional(v.literal('sig')),
          }),
        ),
        v.minLength(1, 'at least one key'),
      ),
    }),
    /** An image with Node, the checkout under /opt/hushwire, the AWS CLI and the CloudWatch agent. Never a parameter: with
     *  one, AWS does not roll a refresh back. */
    imageId: matching(/^ami-[0-9a-f]{8,17}$/, 'the id of an image, such as ami-0123456789abcdef0'),
    instanceType: matching(/^[a-z0-9]+\.[a-z0-9]+$/, 'an instance type such as c7g.large'),
    /** Node processes of an instance: as many as the type has cores. */
    processes: whole(1, 64),
    /** Never fewer than two in service, also when one is lost: so three. */
    minInstances: whole(3, 100),
    maxInstances: whole(3, 200),
    database: v.strictObject({
      /** Holds the whole URL, with the password. Postgres itself is where the operator has it; nodes reach it by TLS. */
      urlSecretArn: SECRET,
      poolMax: whole(1, 100),
      /** What Postgres, or the pooler in front of it, lets the nodes have in all. */
      connections: whole(10, 100_000),
      isPooled: v.boolean('true behind a transaction pooler, else false'),
    }),
    relay: v.strictObject({
      nodeType: matching(/^cache\.[a-z0-9]+\.[a-z0-9]+$/, 'a type such as cache.r7g.large'),
      shards: whole(1, 90),
      replicas: whole(1, 5),
    }),
    dumps: v.strictObject({
      region: REGION,
      bucket: BUCKET,
      /** Public key of age; the private one is kept where no machine of this account reaches it. */
      recipient: matching(/^age1[a-z0-9]{58}$/, "age's public key"),
      keepDays: whole(7, 3650),
    }),
    /** Who is told; confirms by mail once. */
    alarmEmail: v.pipe(v.string(), v.email('a mail address')),
  }),
  v.check((s) => s.minInstances <= s.maxInstances, 'minInstances must not exceed maxInstances'),
  v.check((s) => s.socketHost !== s.apiHost, 'socketHost and apiHost must differ'),
  v.check(
    (s) => s.dumps.region !== s.region,
    'dumps.region must be another region, or a lost one takes the dumps along',
  ),
  v.check(
    (s) => s.availabilityZones.every((zone) => zone.startsWith(s.region)),
    'availabilityZones must lie in region',
  ),
);

export type Settings = v.InferOutput<typeof Shape>;

/** During a refresh new instances stand beside the old ones: at most half as many again. */
export const REFRESH_MAX_HEALTHY_PERCENT = 150;

/** All faults of a settings file together. */
export class SettingsError extends Error {
  readonly faults: readonly string[];
  constructor(faults: readonly string[]) {
    super(`${faults.length} fault(s) in the settings\n${faults.map((fault) => `  ${fault}`).join('\n')}`);
    this.name = 'SettingsError';
    this.faults = faults;
  }
}

/** Settings out of parsed JSON; throws one SettingsError with every fault. Relations are judged once each value is right. */
export function readSettings(given: unknown): Settings {
  const result = v.safeParse(Shape, given);
  if (!result.success) throw new SettingsError(result.issues.map(faultLine));
  const most = connectionsAtMost(result.output);
  if (most <= result.output.database.connections) return result.output;
  throw new SettingsError([
    `database.connections: the nodes may open ${most}, during a refresh of the largest group`,
  ]);
}

/** Connections all processes together may open to Postgres, at the height of a refresh of the largest group. */
export function connectionsAtMost({ maxInstances, processes, database }: Settings): number {
  return Math.ceil((maxInstances * REFRESH_MAX_HEALTHY_PERCENT) / 100) * processes * database.poolMax;
}

function faultLine(issue: v.BaseIssue<unknown>): string {
  const isMissing = issue.type === 'strict_object' && issue.received === 'undefined';
  return `${v.getDotPath(issue) ?? 'settings'}: ${isMissing ? 'missing' : issue.message}`;
}
