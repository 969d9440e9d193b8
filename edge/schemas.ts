/** Shapes that several routes share. Requests are strict: a field that is not named here is refused. */
import * as v from 'valibot';
import { MODERATION_MAX } from '../shared/internal/bans.ts';
import { SEQUENCE_MAX } from '../shared/key-log.ts';
import { LIMITS } from '../shared/limits.ts';

const pattern = (expression: RegExp, description: string) =>
  v.pipe(v.string(), v.regex(expression), v.description(description));

/** 128 bits as 22 base64url characters. */
const ID = /^[A-Za-z0-9_-]{22}$/;
/** A 256-bit value as 43 base64url characters whose two spare bits are zero, so that each value has one text. */
const BITS_256 = /^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/;
const COMPACT_JWT = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/;
/** An assertion is about 500 characters; a kilobyte more leaves room for claims we do not read. */
const ASSERTION_CHARS_MAX = 2_048;

/** 16 bytes as base64url, whose last letter holds four bits. */
export const userIdSchema = pattern(/^[A-Za-z0-9_-]{21}[AQgw]$/, 'User id');
/**
 * In place of a member: the channel is open to everybody. A membership like any other, and so with whatever protects those; but
 * nobody's, for no 16 bytes are written like this.
 */
export const DOOR = 'open-door-open-door-ox';
export const deviceIdSchema = pattern(BITS_256, 'RFC 7638 thumbprint of the public key of the device');
/** Whether a text has the form of a device id. */
export const isDeviceId = (value: string): boolean => v.is(deviceIdSchema, value);
export const channelIdSchema = pattern(ID, 'Channel id, random, chosen by the client');
export const sessionIdSchema = pattern(ID, 'Session id');
/** A UTC day, `2026-11-23`. */
export const daySchema = v.pipe(v.string(), v.isoDate());
export const tagSchema = pattern(ID, 'Keyed pseudonym of an id');
export const millisecondsSchema = (description: string) =>
  v.pipe(v.number(), v.integer(), v.minValue(0), v.description(description));

export const assertionSchema = v.pipe(
  v.string(),
  v.maxLength(ASSERTION_CHARS_MAX),
  v.regex(COMPACT_JWT),
  v.description('JWT signed by the key of the device, used once'),
);

export const invitationSchema = v.pipe(
  v.string(),
  v.maxLength(ASSERTION_CHARS_MAX),
  v.regex(COMPACT_JWT),
  v.description('Invitation to sign up, made by an operator'),
);

export const channelInvitationSchema = v.pipe(
  v.string(),
  v.maxLength(ASSERTION_CHARS_MAX),
  v.regex(COMPACT_JWT),
  v.description('Invitation to a channel, made by its owner or a moderator'),
);

/** The same, or an empty text where the channel is open. */
export const optionalInvitationSchema = v.pipe(
  v.string(),
  v.maxLength(ASSERTION_CHARS_MAX),
  v.regex(new RegExp(`^$|${COMPACT_JWT.source}`)),
  v.description('Invitation to a channel, or empty where it is open'),
);

/** ID tokens carry claims we do not read; issuers keep them under a header's usual limit of 8 KiB. */
const ID_TOKEN_CHARS_MAX = 8_192;
export const idTokenSchema = v.pipe(
  v.string(),
  v.maxLength(ID_TOKEN_CHARS_MAX),
  v.regex(COMPACT_JWT),
  v.description('ID token of the configured issuer, whose nonce is the id of the device'),
);

export const totpSchema = pattern(/^\d{6}$/, 'Code that the authenticator shows');
export const recoveryCodeSchema = pattern(
  /^[A-Za-z2-7]{5}(-?[A-Za-z2-7]{5}){4}$/,
  'Recovery code, in any case, with or without its dashes; each is good once',
);
/** A second factor, one of the two. */
export const SHOWN = { totp: v.optional(totpSchema), recoveryCode: v.optional(recoveryCodeSchema) };

/** What a JWK may say about itself besides the key; accepted because exported keys carry it, and not stored. */
const KEY_HINTS = {
  alg: v.optional(v.picklist(['ES256', 'Ed25519', 'EdDSA'])),
  use: v.optional(v.literal('sig')),
  key_ops: v.optional(v.pipe(v.array(v.literal('verify')), v.maxLength(1))),
  ext: v.optional(v.boolean()),
  kid: v.optional(v.pipe(v.string(), v.maxLength(64))),
};
const coordinate = pattern(BITS_256, '32 bytes as base64url');
const P256 = { kty: v.literal('EC'), crv: v.literal('P-256'), x: coordinate, y: coordinate };
const ED25519 = { kty: v.literal('OKP'), crv: v.literal('Ed25519'), x: coordinate };

/** A public signing key as it is stored. */
export const storedKeySchema = v.variant('kty', [v.strictObject(P256), v.strictObject(ED25519)]);
/** The same as a client may send it; a private key is refused. */
export const publicKeySchema = v.variant('kty', [
  v.strictObject({ ...P256, ...KEY_HINTS }),
  v.strictObject({ ...ED25519, ...KEY_HINTS }),
]);
export type StoredKey = v.InferOutput<typeof storedKeySchema>;

/** Bytes as base64url, at least one and at most `bytes`. */
export const bytesSchema = (bytes: number, description: string) =>
  v.pipe(
    v.string(),
    v.minLength(2),
    v.maxLength(Math.ceil((bytes * 4) / 3)),
    v.regex(/^(?:[A-Za-z0-9_-]{4})*(?:[A-Za-z0-9_-]{2,3})?$/),
    v.description(description),
  );
export const identityKeySchema = bytesSchema(
  LIMITS.identityKeyBytes,
  'Identity key of a device for messaging',
);
export const keyPackageSchema = bytesSchema(
  LIMITS.keyPackageBytes,
  'Key package, of whatever form clients agree on',
);
export const logEntrySchema = v.pipe(
  v.string(),
  v.maxLength(LIMITS.keyLogEntryChars),
  v.regex(COMPACT_JWT),
  v.description('Entry of a key log: a JWS'),
);
export const sequenceSchema = v.pipe(
  v.number(),
  v.integer(),
  v.minValue(0),
  v.maxValue(SEQUENCE_MAX),
  v.description('Number of an entry of a key log, from 1; 0 stands before the first'),
);

export const channelIdsSchema = v.pipe(
  v.array(channelIdSchema),
  v.maxLength(LIMITS.channelsPerCall),
  v.description('Channels to enter; a repeated one is answered once'),
);

/** The stored form of a key that a client sent: the key itself, in one order, without its hints. */
export function storedKey(key: v.InferOutput<typeof publicKeySchema>): StoredKey {
  return key.kty === 'EC'
    ? { kty: key.kty, crv: key.crv, x: key.x, y: key.y }
    : { kty: key.kty, crv: key.crv, x: key.x };
}

/** A JWE is opaque here: only moderators hold the key. */
const STATEMENT_CHARS_MAX = 4_096;
const statementSchema = v.pipe(
  v.string(),
  v.maxLength(STATEMENT_CHARS_MAX),
  v.regex(/^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]*){4}$/),
  v.description('JWE (RFC 7516) that only moderators can open'),
);

/** A message's id, as its publisher chose it. */
export const messageIdSchema = v.pipe(
  v.string(),
  v.minLength(LIMITS.messageIdMinChars),
  v.maxLength(LIMITS.messageIdMaxChars),
  v.regex(/^[A-Za-z0-9_-]+$/),
  v.description('Message id, random'),
);
/** Signed by this edge. A bundle for as many mailboxes as one look-up may name is about 15 KiB. */
const GRANTS_CHARS_MAX = 24 * 1024;
export const grantsSchema = v.pipe(
  v.string(),
  v.maxLength(GRANTS_CHARS_MAX),
  v.regex(COMPACT_JWT),
  v.description('Right to put items into mailboxes, of `POST /v1/keys/lookup`'),
);
/** What fits into a body beside the rest of it. */
const DATA_BYTES_MAX = 45 * 1024;
export const dataSchema = bytesSchema(DATA_BYTES_MAX, 'Ciphertext');
export const positionSchema = v.strictObject({
  epoch: v.pipe(v.string(), v.regex(/^[A-Za-z0-9_-]{1,64}$/), v.description('Life of the log')),
  offset: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
});

const bannedSchema = v.pipe(v.array(userIdSchema), v.minLength(1), v.maxLength(MODERATION_MAX));
/** Whom to ban, in a channel or from the service. */
export const banOrderSchema = v.strictObject({
  userIds: bannedSchema,
  until: v.exactOptional(v.pipe(daySchema, v.description('Last day; for good without'))),
  statement: v.exactOptional(statementSchema),
});
/** Whose bans to lift. */
export const liftOrderSchema = v.strictObject({ userIds: bannedSchema });
/** Bans in force. */
export const banListSchema = v.strictObject({
  bans: v.array(
    v.strictObject({
      ban: tagSchema,
      statement: v.exactOptional(v.string()),
      until: v.exactOptional(daySchema),
    }),
  ),
  isWhole: v.boolean(),
});
