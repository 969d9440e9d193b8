import { Hono } from 'hono';
import * as v from 'valibot';
import { Failure } from '../../shared/failure.ts';
import type { DeviceWritten } from '../../shared/internal/devices.ts';
import { thumbprint } from '../../shared/token.ts';
import type { EdgeEnv } from '../access.ts';
import { peekAssertion } from '../assertion.ts';
import { jsonBody, requireJson } from '../body.ts';
import type { Gate } from '../gate.ts';
import type { Lookup } from '../lookup.ts';
import { describe } from '../openapi.ts';
import type { OriginApi } from '../ports.ts';
import { FIRST_VERSION, type Records } from '../records.ts';
import {
  assertionSchema,
  deviceIdSchema,
  publicKeySchema,
  type StoredKey,
  storedKey,
  userIdSchema,
} from '../schemas.ts';
import type { Tags } from '../tags.ts';
import { wantDevice } from '../wants.ts';

const requestSchema = v.strictObject({
  publicKey: publicKeySchema,
  assertion: assertionSchema,
  approval: assertionSchema,
});
const answerSchema = v.strictObject({ userId: userIdSchema, deviceId: deviceIdSchema });
type Body = v.InferOutput<typeof requestSchema>;

export interface DeviceParts {
  readonly gate: Gate;
  readonly lookup: Lookup;
  readonly origin: OriginApi;
  readonly tags: Tags;
  readonly records: Records;
}

/** `POST /v1/devices`: a key that proves itself becomes a further device, when one of the account vouches for it. */
export function deviceRoutes(parts: DeviceParts) {
  const description = describe({
    summary: 'Add a device',
    description:
      'The new device signs `assertion` (purpose `add-device`, `sub` the user id), a device of the account `approval` ' +
      '(purpose `approve-device`, with the new device id as `device`). Idempotent; an account has at most 6 devices.',
    tag: 'identity',
    takesBody: true,
    status: 201,
    answer: answerSchema,
    failures: ['credentials_refused', 'assertion_replayed', 'conflict', 'unavailable'],
  });
  return new Hono<EdgeEnv>().post(
    '/v1/devices',
    description,
    requireJson,
    jsonBody(requestSchema),
    async (c) => c.json(await add(c.req.valid('json'), { parts, requestId: c.get('requestId') }), 201),
  );
}

interface Call {
  readonly parts: DeviceParts;
  readonly requestId: string;
}

/** Both proofs go at the same time; what is stored is written only when both are good. */
async function add(
  { publicKey: given, assertion, approval }: Body,
  { parts, requestId }: Call,
): Promise<v.InferOutput<typeof answerSchema>> {
  const { gate, lookup, origin, tags } = parts;
  const publicKey = storedKey(given);
  const approved = peekAssertion(approval);
  // Nothing here depends on what is stored. The approval's signature, which covers this, is checked next.
  if (approved === undefined || approved.approves !== (await thumbprint(publicKey)))
    throw new Failure('credentials_refused');
  const { userId } = approved;
  const [approver, deviceId] = await Promise.all([
    gate.prove('approve-device', { assertion: approval, requestId }),
    gate.proveAdded(publicKey, { assertion, userId }),
  ]);
  const device = await newDevice({ userId, deviceId, publicKey }, parts);
  const account = await tags.account(userId);
  const [{ result }] = await Promise.all([
    origin.addDevice({ account, approver: approver.device.tag, ...device }, requestId),
    lookup.keep(approver.copies),
  ]);
  const refused = refusal(result);
  if (refused !== undefined) throw refused;
  return { userId, deviceId };
}

interface Owner {
  readonly userId: string;
  readonly deviceId: string;
  readonly publicKey: StoredKey;
}

async function newDevice(owner: Owner, { tags, records }: DeviceParts) {
  const { tag, tags: bound } = await wantDevice(tags, owner.userId, owner.deviceId);
  const sealed = await records.seal('device', { tags: bound, version: FIRST_VERSION }, owner);
  return { device: tag, sealed };
}

function refusal(result: DeviceWritten['result']): Failure | undefined {
  if (result === 'missing') return new Failure('credentials_refused');
  if (result === 'full')
    return new Failure('conflict', { detail: 'The account has as many devices as it may' });
  if (result === 'revoked')
    return new Failure('conflict', { detail: 'This key was removed; make a new one' });
  return undefined;
}
