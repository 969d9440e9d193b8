/**
 * Who moderates a channel, as its members know it. The service holds roles and enforces them, and tells nobody; so the owner
 * tells the members, inside the encryption.
 */
import type { JWK } from '../../../shared/token.ts';
import type { StoredConversation } from '../store/database.ts';

/** Report keys by user and device; somebody who moderates may not have told one yet. */
export type Moderators = Readonly<Record<string, Readonly<Record<string, JWK>>>>;
export type Role = 'owner' | 'moderator' | 'member';

/** Users who moderate one channel, and devices of each: as many as are encrypted to for one report. */
export const MODERATORS_MAX = 20;
export const DEVICES_MAX = 6;
const ID_MAX = 48;

export function roleOf({ ownerId, moderators = {} }: StoredConversation, userId: string): Role {
  if (userId === ownerId) return 'owner';
  return Object.hasOwn(moderators, userId) ? 'moderator' : 'member';
}

/** Whether `userId` may put `other` out, as the service will see it. */
export function mayPutOut(info: StoredConversation, userId: string, other: string): boolean {
  const role = roleOf(info, userId);
  if (userId === other || role === 'member') return false;
  return role === 'owner' || roleOf(info, other) === 'member';
}

/** Without those who are gone: whoever comes in again is a member like any other. */
export function stayingModerators(moderators: Moderators = {}, members: readonly string[]): Moderators {
  return Object.fromEntries(Object.entries(moderators).filter(([userId]) => members.includes(userId)));
}

export function isModerators(value: unknown): value is Moderators {
  return isRecord(value, MODERATORS_MAX, (keys) => isRecord(keys, DEVICES_MAX, isReportKey));
}

/** A public key on P-256, as a report is encrypted to; whether it is on the curve shows when it is used. */
export function isReportKey(value: unknown): value is JWK {
  if (typeof value !== 'object' || value === null) return false;
  const { kty, crv, x, y, ...rest } = value as Record<string, unknown>;
  const isPoint = typeof x === 'string' && typeof y === 'string' && x.length === 43 && y.length === 43;
  return kty === 'EC' && crv === 'P-256' && isPoint && Object.keys(rest).length === 0;
}

function isRecord(value: unknown, max: number, isItem: (item: unknown) => boolean): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const entries = Object.entries(value);
  return entries.length <= max && entries.every(([id, item]) => id.length <= ID_MAX && isItem(item));
}
