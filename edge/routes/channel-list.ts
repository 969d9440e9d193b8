import { Hono } from 'hono';
import * as v from 'valibot';
import { Failure } from '../../shared/failure.ts';
import { LIMITS } from '../../shared/limits.ts';
import type { Verifier } from '../../shared/token.ts';
import { type Caller, type CallerEnv, requireCaller } from '../access.ts';
import { jsonBody, requireJsonOf } from '../body.ts';
import type { Lookup } from '../lookup.ts';
import { describe } from '../openapi.ts';
import type { Clock, OriginApi } from '../ports.ts';
import { bytesSchema } from '../schemas.ts';
import { requireLive } from '../session.ts';
import type { Tags } from '../tags.ts';
import type { Throttle } from '../throttle.ts';
import { wantCaller } from '../wants.ts';

/** What PostgreSQL's integer holds; nobody writes as often. */
const VERSION_MAX = 2 ** 31 - 2;
/** The largest list as base64url, and room for the rest of the body. */
const BODY_BYTES = LIMITS.dataChars + 1_024;

const versionSchema = v.pipe(
  v.number(),
  v.integer(),
  v.minValue(0),
  v.maxValue(VERSION_MAX),
  v.description('Counts the writes; 0 before the first'),
);
const dataSchema = bytesSchema(LIMITS.dataBytes, 'The list, encrypted by the client');
const writeRequest = v.strictObject({
  version: v.pipe(versionSchema, v.minValue(1)),
  data: dataSchema,
});
const writeAnswer = v.strictObject({ version: versionSchema });
const readAnswer = v.strictObject({ version: versionSchema, data: v.optional(dataSchema) });

export interface ChannelListParts {
  readonly verifier: Verifier;
  readonly throttle: Throttle;
  readonly lookup: Lookup;
  readonly origin: OriginApi;
  readonly tags: Tags;
  readonly clock: Clock;
}

interface Call {
  readonly caller: Caller;
  readonly requestId: string;
  readonly parts: ChannelListParts;
}

/** `/v1/channel-list`: the list of its channels that an account keeps for its devices, which nobody else can read. */
export function channelListRoutes(parts: ChannelListParts) {
  const guard = requireCaller(parts);
  return new Hono<CallerEnv>()
    .get('/v1/channel-list', describeRead(), guard, async (c) => {
      const call = { caller: c.get('caller'), requestId: c.get('requestId'), parts };
      return c.json(await read(call), 200);
    })
    .put(
      '/v1/channel-list',
      describeWrite(),
      guard,
      requireJsonOf(BODY_BYTES),
      jsonBody(writeRequest),
      async (c) => {
        const call = { caller: c.get('caller'), requestId: c.get('requestId'), parts };
        return c.json(await write(c.req.valid('json'), call), 200);
      },
    );
}

/** Beside looking whether the caller lives. */
async function read({ caller, requestId, parts }: Call): Promise<v.InferOutput<typeof readAnswer>> {
  const { lookup, origin, tags, clock } = parts;
  const [own, account] = await Promise.all([wantCaller(tags, caller), tags.account(caller.userId)]);
  const [finds, { version, data }] = await Promise.all([
    lookup.find(own, requestId),
    origin.readList(account, requestId),
  ]);
  requireLive(finds, clock.now());
  await lookup.keep(finds.copies);
  return { version, ...(version === 0 ? {} : { data }) };
}

/** Whether the session lives, the origin sees in the same transaction. */
async function write(
  { version, data }: v.InferOutput<typeof writeRequest>,
  { caller, requestId, parts }: Call,
): Promise<v.InferOutput<typeof writeAnswer>> {
  const { origin, tags } = parts;
  const [account, by] = await Promise.all([tags.account(caller.userId), tags.session(caller.sessionId)]);
  const { result } = await origin.writeList({ account, by, version, data }, requestId);
  if (result === 'refused') throw new Failure('session_ended');
  if (result === 'stale') throw new Failure('conflict', { detail: 'The list has another version' });
  return { version };
}

function describeRead() {
  return describe({
    summary: 'Read the channel list',
    description: 'What a device of the account wrote last, encrypted by it, and which write that was.',
    tag: 'channels',
    needsCaller: true,
    status: 200,
    answer: readAnswer,
    failures: ['session_ended', 'unavailable'],
  });
}

function describeWrite() {
  return describe({
    summary: 'Write the channel list',
    description:
      'Takes the place of the one there is, of which `version` is one more: `conflict` when another device was quicker. ' +
      'Idempotent for the same data.',
    tag: 'channels',
    needsCaller: true,
    takesBody: true,
    status: 200,
    answer: writeAnswer,
    failures: ['session_ended', 'conflict', 'unavailable'],
  });
}
