import { Hono } from 'hono';
import * as v from 'valibot';
import { Failure } from '../../shared/failure.ts';
import { SEALED_MAX_CHARS } from '../../shared/internal/records.ts';
import { type Entry, readEntry, verifyEntry } from '../../shared/key-log.ts';
import type { EdgeEnv } from '../access.ts';
import { jsonBody, requireJson } from '../body.ts';
import { entryCopy } from '../copies.ts';
import { endedMarks } from '../endings.ts';
import type { Gate } from '../gate.ts';
import { describe } from '../openapi.ts';
import type { Clock, HeldCopy, OriginApi, State } from '../ports.ts';
import { FIRST_VERSION, type Records } from '../records.ts';
import {
  assertionSchema,
  deviceIdSchema,
  logEntrySchema,
  publicKeySchema,
  type StoredKey,
  storedKey,
  userIdSchema,
} from '../schemas.ts';
import type { Tags } from '../tags.ts';
import { wantDevice } from '../wants.ts';

const permitSchema = v.pipe(
  v.string(),
  v.maxLength(SEALED_MAX_CHARS + 8),
  v.regex(/^[0-9]{1,7}\.[0-9]{1,4}\.[A-Za-z0-9_-]+$/),
  v.description('Opaque; to be sent back'),
);
const permitRequest = v.strictObject({ assertion: assertionSchema });
const permitAnswer = v.strictObject({ entry: logEntrySchema, permit: permitSchema });
const recoverRequest = v.strictObject({
  permit: permitSchema,
  entry: logEntrySchema,
  publicKey: publicKeySchema,
  assertion: assertionSchema,
});
const recoverAnswer = v.strictObject({ userId: userIdSchema, deviceId: deviceIdSchema });

export interface RecoveryParts {
  readonly gate: Gate;
  readonly origin: OriginApi;
  readonly state: State;
  readonly tags: Tags;
  readonly records: Records;
  readonly clock: Clock;
}

/**
 * An account begins anew with one device when a person has its recovery key. First the key proves itself and gets the newest
 * entry of the key log, beside its sealed form: by that the second call knows, without a trip, that the entry before the new
 * one is ours. What is signed then is the new entry itself, which the origin takes once.
 */
export function recoveryRoutes(parts: RecoveryParts) {
  return new Hono<EdgeEnv>()
    .post('/v1/recovery/permit', describePermit(), requireJson, jsonBody(permitRequest), async (c) => {
      const { assertion } = c.req.valid('json');
      const { record, version, sealed } = await parts.gate.proveRecovery(assertion, c.get('requestId'));
      const answer = { entry: record.entry, permit: `${version}.${sealed}` };
      return c.json(answer satisfies v.InferOutput<typeof permitAnswer>, 201);
    })
    .post('/v1/recovery', describeRecovery(), requireJson, jsonBody(recoverRequest), async (c) =>
      c.json(await recover(c.req.valid('json'), { parts, requestId: c.get('requestId') }), 201),
    );
}

interface Call {
  readonly parts: RecoveryParts;
  readonly requestId: string;
}

async function recover(
  { permit, entry: text, publicKey: given, assertion }: v.InferOutput<typeof recoverRequest>,
  { parts, requestId }: Call,
): Promise<v.InferOutput<typeof recoverAnswer>> {
  const { gate, origin, state, clock } = parts;
  const entry = await readEntry(text);
  const before = await openPermit(permit, { userId: entry.userId, parts });
  await verifyEntry(entry, before);
  if (entry.signer !== before.recovery?.id) throw new Failure('credentials_refused');
  const { userId } = entry;
  const publicKey = storedKey(given);
  const deviceId = await gate.proveAdded(publicKey, { assertion, userId });
  if (entry.devices.size !== 1 || !entry.devices.has(deviceId))
    throw new Failure('key_log_refused', { detail: 'The entry must name the new device alone' });
  const asked = await recoveryOf({ entry, before, deviceId, publicKey }, parts);
  const { result, devices } = await origin.recover(asked, requestId);
  if (result === 'stale') throw new Failure('conflict', { detail: 'The log has another newest entry' });
  if (result === 'taken')
    throw new Failure('conflict', { detail: 'This key was a device of the account; make a new one' });
  const { account, sealed, sequence } = asked;
  const marks = await endedMarks({ sessions: [], devices, accounts: [] }, parts);
  await Promise.all([
    state.put([...marks, entryCopy(account, { version: sequence, sealed }, clock.now())]),
    state.forget({ accounts: [], devices }),
  ]);
  return { userId, deviceId };
}

/** The entry that a permit was given for; throws `credentials_refused` for one that is not ours, or of another account. */
async function openPermit(
  permit: string,
  { userId, parts }: { userId: string; parts: RecoveryParts },
): Promise<Entry> {
  const { version, sealed } = heldOf(permit);
  const tags = [await parts.tags.account(userId)];
  const record = await parts.records.open('entry', { tags, version }, sealed);
  if (record === undefined) throw new Failure('credentials_refused');
  return readEntry(record.entry);
}

function heldOf(permit: string): HeldCopy {
  const dot = permit.indexOf('.');
  return { version: Number(permit.slice(0, dot)), sealed: permit.slice(dot + 1) };
}

interface Anew {
  readonly entry: Entry;
  readonly before: Entry;
  readonly deviceId: string;
  readonly publicKey: StoredKey;
}

async function recoveryOf({ entry, before, deviceId, publicKey }: Anew, { tags, records }: RecoveryParts) {
  const { userId, sequence, hash, text } = entry;
  const [account, link, previous, { tag, tags: bound }] = await Promise.all([
    tags.account(userId),
    tags.link(userId, hash),
    tags.link(userId, before.hash),
    wantDevice(tags, userId, deviceId),
  ]);
  const [sealed, sealedDevice] = await Promise.all([
    records.seal('entry', { tags: [account], version: sequence }, { entry: text }),
    records.seal('device', { tags: bound, version: FIRST_VERSION }, { userId, deviceId, publicKey }),
  ]);
  return { account, device: { device: tag, sealed: sealedDevice }, sequence, link, previous, sealed };
}

const IDENTITY = { tag: 'identity', takesBody: true, status: 201 } as const;

function describePermit() {
  return describe({
    ...IDENTITY,
    summary: 'Begin to recover an account',
    description:
      'The recovery key that the newest entry of the key log names signs `assertion`: purpose `recover`, `sub` the user id, ' +
      '`kid` its thumbprint. Gives that entry. Unknown user and wrong key are refused alike.',
    answer: permitAnswer,
    failures: ['credentials_refused', 'assertion_replayed', 'unavailable'],
  });
}

function describeRecovery() {
  return describe({
    ...IDENTITY,
    summary: 'Recover an account',
    description:
      'Makes this key the only device of the account and ends every other one, with their sessions and sockets. The recovery ' +
      'key signs `entry`, which follows the one of the permit and names the new device alone; the new device signs ' +
      '`assertion` (purpose `add-device`). Idempotent.',
    answer: recoverAnswer,
    failures: ['credentials_refused', 'key_log_refused', 'conflict', 'unavailable'],
  });
}
