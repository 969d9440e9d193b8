import { Hono } from 'hono';
import * as v from 'valibot';
import { Failure } from '../../shared/failure.ts';
import type { PackagesWritten, Stock } from '../../shared/internal/keys.ts';
import { LIMITS } from '../../shared/limits.ts';
import type { Verifier } from '../../shared/token.ts';
import { type Caller, type CallerEnv, requireCaller } from '../access.ts';
import { jsonBody, requireJson } from '../body.ts';
import type { Lookup } from '../lookup.ts';
import { describe } from '../openapi.ts';
import type { Clock, OriginApi, State } from '../ports.ts';
import { FIRST_VERSION, type Records } from '../records.ts';
import { identityKeySchema, keyPackageSchema } from '../schemas.ts';
import { requireLive } from '../session.ts';
import type { Tags } from '../tags.ts';
import type { Throttle } from '../throttle.ts';
import { wantCaller } from '../wants.ts';

const UPLOADS_MAX = 2 ** 31 - 2;
const versionSchema = (least: number) =>
  v.pipe(v.number(), v.integer(), v.minValue(least), v.maxValue(UPLOADS_MAX));
const uploadRequest = v.strictObject({
  identityKey: identityKeySchema,
  version: v.pipe(
    versionSchema(1),
    v.description('Number of this upload: one more than the last one of the device'),
  ),
  packages: v.pipe(v.array(keyPackageSchema), v.maxLength(LIMITS.keyPackagesPerDevice)),
  lastResort: v.optional(keyPackageSchema),
  replaces: v.optional(v.literal(true)),
});
const stockAnswer = v.strictObject({
  version: v.pipe(
    versionSchema(0),
    v.description('Number of the last upload of the device; 0 before the first'),
  ),
  stock: v.pipe(v.number(), v.description('One-time packages that are left')),
  isLow: v.pipe(v.boolean(), v.description('It is time to bring more')),
});

export interface KeyPackageParts {
  readonly verifier: Verifier;
  readonly throttle: Throttle;
  readonly lookup: Lookup;
  readonly origin: OriginApi;
  readonly state: State;
  readonly tags: Tags;
  readonly records: Records;
  readonly clock: Clock;
}

interface Call {
  readonly caller: Caller;
  readonly requestId: string;
  readonly parts: KeyPackageParts;
}

/** `PUT /v1/keys` brings key packages of the calling device, `GET /v1/keys/stock` tells how many are left. */
export function keyPackageRoutes(parts: KeyPackageParts) {
  const guard = requireCaller(parts);
  return new Hono<CallerEnv>()
    .put('/v1/keys', describeUpload(), guard, requireJson, jsonBody(uploadRequest), async (c) => {
      const call = { caller: c.get('caller'), requestId: c.get('requestId'), parts };
      return c.json(await upload(c.req.valid('json'), call), 200);
    })
    .get('/v1/keys/stock', describeStock(), guard, async (c) => {
      const call = { caller: c.get('caller'), requestId: c.get('requestId'), parts };
      return c.json(await readStock(call), 200);
    });
}

/** What is replaced is forgotten in the state Redis as well; a request that could not do so fails, and its repeat does. */
async function upload(
  body: v.InferOutput<typeof uploadRequest>,
  { caller, requestId, parts }: Call,
): Promise<v.InferOutput<typeof stockAnswer>> {
  const { origin, state, tags } = parts;
  const { userId, deviceId, sessionId } = caller;
  const [account, device, by, list] = await Promise.all([
    tags.account(userId),
    tags.device(userId, deviceId),
    tags.session(sessionId),
    tags.packages(userId, deviceId, body.identityKey),
  ]);
  const sealed = await sealAll(body, { bound: [account, device, list], records: parts.records });
  const { version, replaces: isReplacing = false } = body;
  const written = await origin.addPackages(
    { account, device, by, version, list, ...sealed, isReplacing },
    requestId,
  );
  const refused = refusal(written.result);
  if (refused !== undefined) throw refused;
  if (isReplacing) await state.dropPackages({ account, list });
  return answer(written);
}

async function sealAll(
  { packages, lastResort }: v.InferOutput<typeof uploadRequest>,
  { bound, records }: { bound: readonly string[]; records: Records },
) {
  const place = { tags: bound, version: FIRST_VERSION };
  const [sealed, last] = await Promise.all([
    Promise.all(packages.map((item) => records.seal('package', place, { package: item }))),
    lastResort === undefined ? undefined : records.seal('lastResort', place, { package: lastResort }),
  ]);
  return { packages: sealed, ...(last === undefined ? {} : { lastResort: last }) };
}

function refusal(result: PackagesWritten['result']): Failure | undefined {
  if (result === 'refused') return new Failure('session_ended');
  if (result === 'full')
    return new Failure('conflict', { detail: 'There would be more packages than may be' });
  if (result === 'stale')
    return new Failure('conflict', { detail: 'The device has made another upload; ask for its stock' });
  return undefined;
}

async function readStock({ caller, requestId, parts }: Call): Promise<v.InferOutput<typeof stockAnswer>> {
  const { lookup, origin, tags, clock } = parts;
  const own = await wantCaller(tags, caller);
  const [finds, stock] = await Promise.all([
    lookup.find(own, requestId),
    origin.readStock(own.device.tag, requestId),
  ]);
  requireLive(finds, clock.now());
  await lookup.keep(finds.copies);
  return answer(stock);
}

function answer({ version, left }: Stock): v.InferOutput<typeof stockAnswer> {
  return { version, stock: left, isLow: left < LIMITS.keyPackagesLow };
}

function describeUpload() {
  return describe({
    summary: 'Bring key packages',
    description:
      'One-time key packages of the calling device that fit its identity key, and one for when they have run out. Packages ' +
      'for another identity key are dropped, and with `replaces` all there were. Idempotent by `version`; `conflict` when ' +
      'that is not the next one, or there would be more than 100.',
    tag: 'keys',
    needsCaller: true,
    takesBody: true,
    status: 200,
    answer: stockAnswer,
    failures: ['session_ended', 'conflict', 'unavailable'],
  });
}

function describeStock() {
  return describe({
    summary: 'Ask how many key packages are left',
    description: 'Of the calling device. A few that are claimed already may still be given out besides.',
    tag: 'keys',
    needsCaller: true,
    status: 200,
    answer: stockAnswer,
    failures: ['session_ended', 'unavailable'],
  });
}
