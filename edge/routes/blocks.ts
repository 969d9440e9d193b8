import { Hono } from 'hono';
import * as v from 'valibot';
import { Failure } from '../../shared/failure.ts';
import { BLOCK_NOTE_CHARS_MAX, BLOCKS_MAX } from '../../shared/internal/bans.ts';
import type { Verifier } from '../../shared/token.ts';
import { type Caller, type CallerEnv, requireCaller } from '../access.ts';
import { jsonBody, pathParameters, requireJson } from '../body.ts';
import type { Lookup } from '../lookup.ts';
import { describe } from '../openapi.ts';
import type { Clock, OriginApi } from '../ports.ts';
import { tagSchema, userIdSchema } from '../schemas.ts';
import { requireLive } from '../session.ts';
import type { Tags } from '../tags.ts';
import type { Throttle } from '../throttle.ts';
import { wantCaller } from '../wants.ts';

const path = v.strictObject({ userId: userIdSchema });
const noteSchema = v.pipe(
  v.string(),
  v.maxLength(BLOCK_NOTE_CHARS_MAX),
  v.regex(/^[A-Za-z0-9_-]*$/),
  v.description('For the own devices, which encrypted it: who it is about; empty for none'),
);
const request = v.strictObject({ note: noteSchema });
const doneAnswer = v.strictObject({});
const listAnswer = v.strictObject({
  blocks: v.pipe(v.array(v.strictObject({ block: tagSchema, note: noteSchema })), v.maxLength(BLOCKS_MAX)),
});

export interface BlockRouteParts {
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
  readonly parts: BlockRouteParts;
}

/** `/v1/blocks`: whom the caller does not want to hear of. */
export function blockRoutes(parts: BlockRouteParts) {
  const callOf = (c: { get(name: 'caller'): Caller; get(name: 'requestId'): string }): Call => ({
    caller: c.get('caller'),
    requestId: c.get('requestId'),
    parts,
  });
  const guard = requireCaller(parts);
  return new Hono<CallerEnv>()
    .get('/v1/blocks', describeList(), guard, async (c) => c.json(await list(callOf(c)), 200))
    .put(
      '/v1/blocks/:userId',
      describeChange(
        'Block a user',
        'They find the caller no more: no look-up, no right to write, no invitation.',
        'body',
      ),
      guard,
      pathParameters(path),
      requireJson,
      jsonBody(request),
      async (c) => {
        await change({ ...c.req.valid('param'), ...c.req.valid('json') }, callOf(c));
        return c.json({}, 200);
      },
    )
    .delete(
      '/v1/blocks/:userId',
      describeChange('Lift a block', 'Idempotent.'),
      guard,
      pathParameters(path),
      async (c) => {
        await change(c.req.valid('param'), callOf(c));
        return c.json({}, 200);
      },
    );
}

/** With a note it is placed, without it is lifted. Whether the user exists is neither checked nor told. */
async function change(
  { userId, note }: { userId: string; note?: string },
  { caller, requestId, parts }: Call,
) {
  const { lookup, origin, tags, clock } = parts;
  if (userId === caller.userId) throw new Failure('conflict', { detail: 'Nobody blocks themselves' });
  const finds = await lookup.find(await wantCaller(tags, caller), requestId);
  requireLive(finds, clock.now());
  const [account, block] = await Promise.all([
    tags.account(caller.userId),
    tags.block(caller.userId, userId),
  ]);
  const wanted =
    note === undefined
      ? ({ what: 'lift', account, block } as const)
      : ({ what: 'place', account, block, note } as const);
  const { result } = await origin.changeBlock(wanted, requestId);
  if (result === 'missing') throw new Failure('session_ended');
  if (result === 'full') throw new Failure('conflict', { detail: `Nobody blocks more than ${BLOCKS_MAX}` });
}

async function list({ caller, requestId, parts }: Call): Promise<v.InferOutput<typeof listAnswer>> {
  const { lookup, origin, tags, clock } = parts;
  const [own, account] = await Promise.all([wantCaller(tags, caller), tags.account(caller.userId)]);
  const [finds, { blocks }] = await Promise.all([
    lookup.find(own, requestId),
    origin.listBlocks({ account }, requestId),
  ]);
  requireLive(finds, clock.now());
  return { blocks: blocks.map(({ block, note }) => ({ block, note: note ?? '' })) };
}

const IDENTITY = { tag: 'identity', needsCaller: true, status: 200 } as const;

function describeChange(summary: string, description: string, body?: 'body') {
  return describe({
    ...IDENTITY,
    summary,
    description: `${description} Whether the user exists is neither checked nor told.`,
    ...(body === undefined ? {} : { takesBody: true as const }),
    answer: doneAnswer,
    failures: ['bad_request', 'session_ended', 'conflict', 'unavailable'],
  });
}

function describeList() {
  return describe({
    ...IDENTITY,
    summary: 'List blocks',
    description: `By tag, each with the note that it was placed with; up to ${BLOCKS_MAX}.`,
    answer: listAnswer,
    failures: ['session_ended', 'unavailable'],
  });
}
