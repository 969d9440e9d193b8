import { Hono } from 'hono';
import * as v from 'valibot';
import { Failure } from '../../shared/failure.ts';
import type { NewLogEntry } from '../../shared/internal/keys.ts';
import { type Entry, readEntry, verifyEntry } from '../../shared/key-log.ts';
import { LIMITS } from '../../shared/limits.ts';
import type { Log } from '../../shared/log.ts';
import type { Verifier } from '../../shared/token.ts';
import { findAbsent, wantAbsence } from '../absence.ts';
import { type Caller, type CallerEnv, requireCaller } from '../access.ts';
import type { BanTags } from '../bans.ts';
import { jsonBody, requireJson } from '../body.ts';
import { entryCopy } from '../copies.ts';
import type { Lookup } from '../lookup.ts';
import { describe } from '../openapi.ts';
import type { Clock, OriginApi, State } from '../ports.ts';
import type { Records } from '../records.ts';
import { logEntrySchema, sequenceSchema, userIdSchema } from '../schemas.ts';
import { requireLive } from '../session.ts';
import type { Tags } from '../tags.ts';
import type { Throttle } from '../throttle.ts';
import { wantCaller } from '../wants.ts';

const appendRequest = v.strictObject({ entry: logEntrySchema, previous: v.optional(logEntrySchema) });
const appendAnswer = v.strictObject({ sequence: sequenceSchema });
const historyRequest = v.strictObject({ userId: userIdSchema, after: sequenceSchema });
const historyAnswer = v.strictObject({
  entries: v.pipe(v.array(logEntrySchema), v.maxLength(LIMITS.keyLogEntriesPerPage)),
});

export interface KeyLogParts {
  readonly verifier: Verifier;
  readonly throttle: Throttle;
  readonly lookup: Lookup;
  readonly origin: OriginApi;
  readonly state: State;
  readonly tags: Tags;
  readonly banTags: BanTags;
  readonly records: Records;
  readonly clock: Clock;
  readonly log: Log;
}

interface Call {
  readonly caller: Caller;
  readonly requestId: string;
  readonly parts: KeyLogParts;
}

/** `POST /v1/keys/log` adds to the caller's key log, `POST /v1/keys/history` reads anybody's. */
export function keyLogRoutes(parts: KeyLogParts) {
  const guard = requireCaller(parts);
  return new Hono<CallerEnv>()
    .post('/v1/keys/log', describeAppend(), guard, requireJson, jsonBody(appendRequest), async (c) => {
      const call = { caller: c.get('caller'), requestId: c.get('requestId'), parts };
      return c.json(await append(c.req.valid('json'), call), 201);
    })
    .post('/v1/keys/history', describeHistory(), guard, requireJson, jsonBody(historyRequest), async (c) => {
      const call = { caller: c.get('caller'), requestId: c.get('requestId'), parts };
      return c.json({ entries: await readHistory(c.req.valid('json'), call) }, 200);
    });
}

/**
 * The entry is held against the one its sender says is before it; that this is the newest one, the origin sees by its
 * link. Only then does the copy follow, and a request that could not put it fails: its repeat puts it.
 */
async function append(
  body: v.InferOutput<typeof appendRequest>,
  call: Call,
): Promise<v.InferOutput<typeof appendAnswer>> {
  const { origin, state, clock } = call.parts;
  const [entry, before] = await Promise.all([
    readEntry(body.entry),
    body.previous === undefined ? undefined : readEntry(body.previous),
  ]);
  await verifyEntry(entry, before);
  if (entry.userId !== call.caller.userId)
    throw new Failure('key_log_refused', { detail: 'The entry is of another account' });
  const added = await newEntry({ entry, before }, call);
  const { result } = await origin.appendEntry(added, call.requestId);
  if (result === 'refused') throw new Failure('session_ended');
  if (result === 'stale') throw new Failure('conflict', { detail: 'The log has another newest entry' });
  if (result === 'missing')
    throw new Failure('key_log_refused', {
      detail: 'The entry names a device that the account does not have',
    });
  const { account, sealed, sequence } = added;
  await state.put([entryCopy(account, { version: sequence, sealed }, clock.now())]);
  return { sequence };
}

async function newEntry(
  { entry, before }: { entry: Entry; before: Entry | undefined },
  { caller, parts }: Call,
): Promise<NewLogEntry> {
  const { tags, records } = parts;
  const { userId, sequence, text } = entry;
  const [account, by, link, previous, devices] = await Promise.all([
    tags.account(userId),
    tags.session(caller.sessionId),
    tags.link(userId, entry.hash),
    before === undefined ? undefined : tags.link(userId, before.hash),
    Promise.all([...entry.devices.keys()].map((deviceId) => tags.device(userId, deviceId))),
  ]);
  const sealed = await records.seal('entry', { tags: [account], version: sequence }, { entry: text });
  return { account, by, sequence, link, ...(previous === undefined ? {} : { previous }), devices, sealed };
}

/**
 * Beside looking whether the caller lives. What does not open ends the page: there is nothing to go on from. Of whoever is
 * as if not there (absence.ts) there is as much as of nobody.
 */
async function readHistory(
  { userId, after }: v.InferOutput<typeof historyRequest>,
  { caller, requestId, parts }: Call,
): Promise<string[]> {
  const { lookup, origin, tags, banTags, records, clock, log } = parts;
  const [own, account, absence] = await Promise.all([
    wantCaller(tags, caller),
    tags.account(userId),
    wantAbsence(caller.userId, { userIds: [userId], tags, banTags }),
  ]);
  const [finds, page, absent] = await Promise.all([
    lookup.find(own, requestId),
    origin.readLog({ account, after }, requestId),
    findAbsent(absence, { origin, requestId }),
  ]);
  requireLive(finds, clock.now());
  if (absent.has(userId)) return [];
  const [opened] = await Promise.all([
    Promise.all(
      page.entries.map(({ version, sealed }) => records.open('entry', { tags: [account], version }, sealed)),
    ),
    lookup.keep(finds.copies),
  ]);
  const end = opened.indexOf(undefined);
  if (end >= 0) log('error', 'record.forged', { part: 'origin' });
  return opened.slice(0, end < 0 ? undefined : end).flatMap((record) => record?.entry ?? []);
}

const OF_KEYS = { tag: 'keys', needsCaller: true, takesBody: true } as const;

function describeAppend() {
  return describe({
    ...OF_KEYS,
    summary: 'Add to the own key log',
    description:
      'The entry names every device of the account with its identity key, and is signed by a device of the entry before, ' +
      'which is sent along as `previous`; the first one by a device it names. Idempotent for the newest entry. `conflict` ' +
      'when the log does not end with `previous`.',
    status: 201,
    answer: appendAnswer,
    failures: ['session_ended', 'key_log_refused', 'conflict', 'unavailable'],
  });
}

function describeHistory() {
  return describe({
    ...OF_KEYS,
    summary: 'Read a key log',
    description:
      'The entries after a number, oldest first, at most 32; 0 begins at the first. A user who does not exist looks like ' +
      'one without keys.',
    status: 200,
    answer: historyAnswer,
    failures: ['session_ended', 'unavailable'],
  });
}
