/**
 * What members tell each other that nobody keeps, over ephemeral messages of a channel or a group: who types, and how far
 * each has received and read. Optional, and an application's to show or not: nothing of it is sent unless one of these is
 * made.
 *
 * A signal names its user, so that a group, whose messages name users and not tags, knows whose it is. The key proves only
 * that a member sent it; that two of them are the same member is the node's word, the tag. So the first user that a tag
 * names is that tag's, and a user is the first tag's that names them: later claims are dropped.
 */
import { fromUtf8, utf8 } from '../bytes.ts';
import type { Tag } from '../frame.ts';
import type { Channel } from './channel.ts';
import { Emitter } from './emitter.ts';
import type { SecureChannel } from './mls/secure-channel.ts';

/** How far a member is, as offsets of the channel's log in this epoch: everything up to there. */
export interface Mark {
  readonly epoch: string;
  readonly delivered: number;
  readonly read: number;
}

export interface SignalEvents {
  readonly typing: { readonly userId: string };
  /** `asks`: wants to know the same of everybody. */
  readonly mark: { readonly userId: string; readonly mark: Mark; readonly asks: boolean };
}

/** A channel with ephemeral messages, of `hushwire/client` or of `hushwire/messenger`. */
export type EphemeralChannel =
  | Pick<Channel, 'on' | 'publishEphemeral'>
  | Pick<SecureChannel, 'on' | 'sendEphemeral'>;

/** Members of one channel that are told apart; more than a crowd in which anybody looks at marks. */
export const MEMBERS_MAX = 1_000;
const USER_ID_MAX_CHARS = 64;
const EPOCH_MAX_CHARS = 64;

export class Signals {
  readonly userId: string;
  readonly #channel: EphemeralChannel;
  readonly #emitter = new Emitter<SignalEvents>();
  readonly #users = new Map<Tag, string>();
  readonly #stop: () => void;

  /** `userId` is this account's. */
  constructor(channel: EphemeralChannel, userId: string) {
    this.userId = userId;
    this.#channel = channel;
    const take = ({ from, bytes }: { readonly from: Tag; readonly bytes: Uint8Array }) =>
      this.#take(from, bytes);
    this.#stop =
      'sendEphemeral' in channel
        ? channel.on('ephemeral', take)
        : channel.on('ephemeral', (one) => !one.isOwn && take(one));
  }

  /** Throws as `publishEphemeral` does: it is lost then, and nothing sends it again. */
  tellTyping(): Promise<void> {
    return this.#send({ kind: 'typing' });
  }

  /** The same. */
  tellMark(mark: Mark, { asks }: { readonly asks: boolean }): Promise<void> {
    return this.#send({ kind: 'mark', ...mark, asks });
  }

  on<K extends keyof SignalEvents>(name: K, listener: (event: SignalEvents[K]) => void): () => void {
    return this.#emitter.on(name, listener);
  }

  close(): void {
    this.#stop();
    this.#emitter.clear();
  }

  #send(fields: Readonly<Record<string, unknown>>): Promise<void> {
    const content = utf8(JSON.stringify({ userId: this.userId, ...fields }));
    return 'sendEphemeral' in this.#channel
      ? this.#channel.sendEphemeral(content)
      : this.#channel.publishEphemeral(content);
  }

  #take(from: Tag, bytes: Uint8Array): void {
    const { kind, userId, epoch, delivered, read, asks } = fieldsOf(bytes);
    if (!isText(userId, USER_ID_MAX_CHARS) || userId === this.userId || !this.#isWho(from, userId)) return;
    if (kind === 'typing') return this.#emitter.emit('typing', { userId });
    if (kind !== 'mark' || !isText(epoch, EPOCH_MAX_CHARS) || !isOffset(delivered) || !isOffset(read)) return;
    this.#emitter.emit('mark', { userId, mark: { epoch, delivered, read }, asks: asks === true });
  }

  #isWho(from: Tag, userId: string): boolean {
    const known = this.#users.get(from);
    if (known !== undefined) return known === userId;
    if (this.#users.size >= MEMBERS_MAX || [...this.#users.values()].includes(userId)) return false;
    this.#users.set(from, userId);
    return true;
  }
}

/** Nothing for what is no signal: a member may send anything. */
function fieldsOf(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(fromUtf8(bytes));
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {}; // The application's own, or nonsense: not for us either way.
  }
}

function isText(value: unknown, maxChars: number): value is string {
  return typeof value === 'string' && value.length <= maxChars;
}

function isOffset(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}
