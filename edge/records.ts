/**
 * What is inside the sealed records: the plaintext exists in the edge only, for the length of a request. Everything
 * that could name a person or a channel is in here; outside there are tags, versions and days.
 *
 * Each table binds its seal to every tag its row has in clear, so that no column can be swapped between rows. The
 * plaintext is padded, so that its size does not tell an owner from a member.
 */
import * as v from 'valibot';
import type { Tag } from '../shared/frame.ts';
import type { Sealed } from '../shared/internal/records.ts';
import {
  channelIdSchema,
  DOOR,
  daySchema,
  deviceIdSchema,
  sessionIdSchema,
  storedKeySchema,
  userIdSchema,
} from './schemas.ts';
import type { Sealer } from './seal.ts';

/** 160 bits as base32 (totp.ts). */
const secretSchema = v.pipe(v.string(), v.regex(/^[A-Z2-7]{32}$/));
/** The tags each table's seal is bound to, in this order: */
const TABLES = {
  /** account */
  account: v.strictObject({ userId: userIdSchema, firstDeviceId: deviceIdSchema }),
  /** account, device */
  device: v.strictObject({ userId: userIdSchema, deviceId: deviceIdSchema, publicKey: storedKeySchema }),
  /** account, device, session */
  session: v.strictObject({
    userId: userIdSchema,
    deviceId: deviceIdSchema,
    sessionId: sessionIdSchema,
    createdOn: daySchema,
    renewedOn: daySchema,
  }),
  /** account */
  totp: v.variant('state', [
    v.strictObject({ state: v.literal('on'), userId: userIdSchema, secret: secretSchema }),
    v.strictObject({ state: v.literal('off'), userId: userIdSchema }),
  ]),
  /** account, session; only in the state Redis, for the minutes an enrolment takes */
  enrolment: v.strictObject({
    userId: userIdSchema,
    secret: secretSchema,
    /** Version of the TOTP record it was begun over; 0 for none. */
    over: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
  }),
  /** The tag of what has ended, alone, under the last version: nothing can follow. */
  ended: v.strictObject({ ended: v.literal(true) }),
  /** account; its version is the number of the entry */
  entry: v.strictObject({ entry: v.string() }),
  /** account, device, list */
  package: v.strictObject({ package: v.string() }),
  /** account, device, list */
  lastResort: v.strictObject({ package: v.string() }),
  /** channel */
  channel: v.strictObject({ channelId: channelIdSchema, ownerId: userIdSchema }),
  /** channel, member */
  member: v.strictObject({
    channelId: channelIdSchema,
    userId: v.union([userIdSchema, v.literal(DOOR)]),
    /** `service`: an app's own backend, which may publish by HTTP and moderate. `none`: is no member (any more). */
    role: v.picklist(['owner', 'moderator', 'service', 'member', 'none']),
    /** Grows with each change, so that rights from before a change can be told from those after it. */
    generation: v.pipe(v.number(), v.safeInteger(), v.minValue(1)),
    /** Last day of a ban, or for good; rejoining does not lift it. */
    banned: v.exactOptional(v.union([daySchema, v.literal('for-good')])),
  }),
};

export type Table = keyof typeof TABLES;
export type RecordOf<T extends Table> = v.InferOutput<(typeof TABLES)[T]>;
export type DeviceRecord = RecordOf<'device'>;
export type SessionRecord = RecordOf<'session'>;
export type TotpRecord = RecordOf<'totp'>;
export type EnrolmentRecord = RecordOf<'enrolment'>;
export type EntryRecord = RecordOf<'entry'>;
export type MemberRecord = RecordOf<'member'>;

/** Version of a record that was written once. */
export const FIRST_VERSION = 1;
/** Version of the mark that something has ended; no store takes a higher one. */
export const LAST_VERSION = 999_999_999;
/** Smallest block every record but those of keys fits in (a P-256 device record is the longest, about 240 bytes). */
const PADDING_BYTES = 256;

export interface Bound {
  /** Every tag of the row, in the order of the table above. */
  readonly tags: readonly Tag[];
  readonly version: number;
}

export interface Records {
  seal<T extends Table>(table: T, bound: Bound, record: RecordOf<T>): Promise<Sealed>;
  /** The record, or undefined when it was not sealed by us for this table, these tags and this version. */
  open<T extends Table>(table: T, bound: Bound, sealed: Sealed): Promise<RecordOf<T> | undefined>;
}

export function createRecords(sealer: Sealer): Records {
  return {
    seal: (table, bound, record) => sealer.seal({ table, ...bound }, pad(JSON.stringify(record))),
    open: async (table, bound, sealed) => {
      const plaintext = await sealer.open({ table, ...bound }, sealed);
      return plaintext === undefined ? undefined : parse(table, plaintext);
    },
  };
}

/** A record that is authentic but has another shape was written by another release of ours: a fault, not an attack. */
function parse<T extends Table>(table: T, plaintext: string): RecordOf<T> {
  const schema = TABLES[table] as v.GenericSchema<unknown, RecordOf<T>>;
  return v.parse(schema, JSON.parse(plaintext));
}

/** Trailing spaces, which JSON ignores; the text itself is ASCII, so characters are bytes. */
function pad(text: string): string {
  return text.padEnd(Math.ceil(text.length / PADDING_BYTES) * PADDING_BYTES);
}
