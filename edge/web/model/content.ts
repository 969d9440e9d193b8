/** What members say to each other inside the encryption. Anybody in a channel may write anything, so all of it is checked. */
import { fromUtf8 } from '../../../shared/bytes.ts';
import type { JWK } from '../../../shared/token.ts';
import { isModerators, isReportKey, type Moderators } from './roles.ts';

/** Characters of one message; with the rest of it well below the 64 KiB that the log takes. */
export const TEXT_MAX = 8_000;
/** Characters of a name or a title. */
export const NAME_MAX = 48;
/** People whom one message introduces. */
const NAMES_MAX = 200;

export interface TextContent {
  readonly kind: 'text';
  readonly text: string;
  /** What its sender calls themselves. */
  readonly name: string;
  readonly atMs: number;
}
/** What newcomers cannot have read: the channel's title, and who is who. */
export interface AboutContent {
  readonly kind: 'about';
  readonly title: string;
  readonly names: Readonly<Record<string, string>>;
  /** Who moderates, and how reports reach them. */
  readonly moderators: Moderators;
}
/** A device of a moderator tells the key that reports to it are encrypted to. */
export interface KeysContent {
  readonly kind: 'keys';
  readonly key: JWK;
}
/** Its sender leaves; the owner takes their devices out of the group. */
export interface ByeContent {
  readonly kind: 'bye';
}
export type Content = TextContent | AboutContent | KeysContent | ByeContent;

/** What nobody keeps. `user` is what its sender says; the group's key tells only that a member sent it. */
export type Hint =
  | { readonly kind: 'typing'; readonly user: string }
  | {
      readonly kind: 'marks';
      readonly user: string;
      readonly epoch: string;
      /** Offsets of the log. */
      readonly delivered: number;
      readonly read: number;
      /** Wants to know the same of everybody. */
      readonly asks: boolean;
    };

/** What a message says; undefined for what this version does not know. */
export function readContent(bytes: Uint8Array): Content | undefined {
  const { kind, text, name, atMs, title, names, moderators = {}, key } = readFields(bytes);
  if (kind === 'text' && isText(text, TEXT_MAX) && isText(name, NAME_MAX) && isCount(atMs))
    return { kind, text, name, atMs };
  if (kind === 'about' && isText(title, NAME_MAX) && isNames(names) && isModerators(moderators))
    return { kind, title, names, moderators };
  if (kind === 'bye') return { kind };
  if (kind === 'keys' && isReportKey(key)) return { kind, key };
  return undefined;
}

export function readHint(bytes: Uint8Array): Hint | undefined {
  const { kind, user, epoch, delivered, read, asks } = readFields(bytes);
  if (!isText(user, NAME_MAX)) return undefined;
  if (kind === 'typing') return { kind, user };
  const isMarks = kind === 'marks' && isText(epoch, 64) && isCount(delivered) && isCount(read);
  return isMarks ? { kind, user, epoch, delivered, read, asks: asks === true } : undefined;
}

function readFields(bytes: Uint8Array): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(fromUtf8(bytes));
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {}; // A member may send anything; what is no JSON says nothing to us.
  }
}

export function isText(value: unknown, max: number): value is string {
  return typeof value === 'string' && value.length <= max;
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function isNames(value: unknown): value is Readonly<Record<string, string>> {
  if (typeof value !== 'object' || value === null) return false;
  const entries = Object.entries(value);
  return (
    entries.length <= NAMES_MAX &&
    entries.every(([id, name]) => isText(id, NAME_MAX) && isText(name, NAME_MAX))
  );
}
