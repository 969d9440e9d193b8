import { Hono } from 'hono';
import * as v from 'valibot';
import { Failure } from '../../shared/failure.ts';
import type { EdgeEnv } from '../access.ts';
import { jsonBody, requireJson } from '../body.ts';
import { dayOf } from '../days.ts';
import type { Gate } from '../gate.ts';
import { describe } from '../openapi.ts';
import type { Clock, OriginApi } from '../ports.ts';
import { FIRST_VERSION, type Records } from '../records.ts';
import {
  assertionSchema,
  deviceIdSchema,
  idTokenSchema,
  invitationSchema,
  publicKeySchema,
  type StoredKey,
  storedKey,
  userIdSchema,
} from '../schemas.ts';
import type { SignUpPolicy } from '../sign-up.ts';
import type { Tags } from '../tags.ts';
import { wantDevice } from '../wants.ts';

const requestSchema = v.strictObject({
  publicKey: publicKeySchema,
  assertion: assertionSchema,
  invitation: v.optional(invitationSchema),
  idToken: v.optional(idTokenSchema),
});
const TAKEN = 'This account has other devices: let one of them add this one, or recover the account';
const answerSchema = v.strictObject({ userId: userIdSchema, deviceId: deviceIdSchema });

export interface AccountParts {
  readonly gate: Gate;
  readonly signUpPolicy: SignUpPolicy;
  readonly origin: OriginApi;
  readonly tags: Tags;
  readonly records: Records;
  readonly clock: Clock;
}

/** `POST /v1/accounts`: a key that proves itself becomes the first device of an account. */
export function accountRoutes({ gate, signUpPolicy, origin, tags, records, clock }: AccountParts) {
  const description = describe({
    summary: 'Sign up',
    description:
      'Makes an account whose first device is this key. Idempotent: the same key always gets the same account. ' +
      'The assertion has purpose `sign-up` and an empty `sub`. Where the policy is `invite`, an invitation is needed; where it is `oidc`, an ID token.',
    tag: 'identity',
    takesBody: true,
    status: 201,
    answer: answerSchema,
    failures: [
      'credentials_refused',
      'assertion_replayed',
      'invitation_required',
      'invitation_refused',
      'id_token_required',
      'id_token_refused',
      'conflict',
      'unavailable',
    ],
  });
  return new Hono<EdgeEnv>().post(
    '/v1/accounts',
    description,
    requireJson,
    jsonBody(requestSchema),
    async (c) => {
      const body = c.req.valid('json');
      const publicKey = storedKey(body.publicKey);
      const deviceId = await gate.proveNew(publicKey, body.assertion);
      const { invitation, idToken } = body;
      const admitted = await signUpPolicy.admit({ deviceId, invitation, idToken });
      const { userId } = admitted;
      const account = await newAccount({ userId, deviceId, publicKey }, { tags, records, clock });
      const { result } = await origin.createAccount(
        { ...account, ...(admitted.invitation && { invitation: admitted.invitation }) },
        c.get('requestId'),
      );
      if (result === 'missing') throw new Failure('conflict', { detail: 'This account was deleted' });
      if (result === 'taken') throw new Failure('conflict', { detail: TAKEN });
      if (result === 'used-up') throw new Failure('invitation_refused', { detail: 'It has no use left' });
      return c.json({ userId, deviceId } satisfies v.InferOutput<typeof answerSchema>, 201);
    },
  );
}

interface Owner {
  readonly userId: string;
  readonly deviceId: string;
  readonly publicKey: StoredKey;
}

async function newAccount(
  { userId, deviceId, publicKey }: Owner,
  { tags, records, clock }: Pick<AccountParts, 'tags' | 'records' | 'clock'>,
) {
  const device = await wantDevice(tags, userId, deviceId);
  const account = await tags.account(userId);
  const version = FIRST_VERSION;
  return {
    account,
    sealed: await records.seal('account', { tags: [account], version }, { userId, firstDeviceId: deviceId }),
    createdOn: dayOf(clock.now()),
    device: {
      device: device.tag,
      sealed: await records.seal('device', { tags: device.tags, version }, { userId, deviceId, publicKey }),
    },
  };
}
