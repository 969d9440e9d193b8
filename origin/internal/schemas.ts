/** Strict shapes of the internal API's bodies (shared/internal.ts): unknown fields, other types and sizes are refused. */
import * as v from 'valibot';
import {
  type NewAccount,
  type NewChannel,
  type NewMember,
  type NewSession,
  READ_MAX_TAGS,
  type ReadRequest,
  SEALED_MAX_CHARS,
} from '../../shared/internal.ts';

const tag = v.pipe(v.string(), v.regex(/^[A-Za-z0-9_-]{22}$/));
const sealed = v.pipe(v.string(), v.maxLength(SEALED_MAX_CHARS), v.regex(/^[0-9]{1,4}\.[A-Za-z0-9_-]+$/));
const day = v.pipe(v.string(), v.check(isDay));
const tags = v.pipe(v.array(tag), v.maxLength(READ_MAX_TAGS));

export const newAccount = v.strictObject({
  account: tag,
  sealed,
  createdOn: day,
  device: v.strictObject({ device: tag, sealed }),
}) satisfies v.GenericSchema<unknown, NewAccount>;

export const newSession = v.strictObject({
  session: tag,
  device: tag,
  account: tag,
  sealed,
  expiresOn: day,
}) satisfies v.GenericSchema<unknown, NewSession>;

export const newChannel = v.strictObject({
  channel: tag,
  sealed,
  createdOn: day,
  owner: v.strictObject({ member: tag, sealed }),
}) satisfies v.GenericSchema<unknown, NewChannel>;

export const newMember = v.strictObject({
  channel: tag,
  member: tag,
  sealed,
}) satisfies v.GenericSchema<unknown, NewMember>;

export const readRequest = v.pipe(
  v.strictObject({
    devices: v.exactOptional(tags),
    sessions: v.exactOptional(tags),
    members: v.exactOptional(tags),
  }),
  v.check(
    ({ devices = [], sessions = [], members = [] }) =>
      devices.length + sessions.length + members.length <= READ_MAX_TAGS,
  ),
) satisfies v.GenericSchema<unknown, ReadRequest>;

/** A day of the calendar, from the year 2000 on: 2026-02-30 is none. */
function isDay(text: string): boolean {
  if (!/^2\d{3}-\d{2}-\d{2}$/.test(text)) return false;
  const time = Date.parse(`${text}T00:00:00Z`);
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(text);
}
