/**
 * Messages that were decrypted and not printed yet. Their keys are gone the moment they are read, whatever command did
 * that, so what nobody has printed is kept in the account's directory until `listen` does.
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fromUtf8, toBase64Url } from '../../shared/bytes.ts';
import { readIfThere, replaceFile } from '../../shared/client/adapters/atomic-file.ts';
import type { SecureMessage } from '../../shared/client/mls/secure-message.ts';
import { Failure } from '../../shared/failure.ts';

/** A message as it is printed; `data` (base64url) in place of `text` when it is none. */
export interface Received {
  readonly type: 'message';
  readonly channel: string;
  readonly id: string;
  readonly userId: string;
  readonly deviceId: string;
  readonly epoch: string;
  readonly offset: number;
  readonly text?: string;
  readonly data?: string;
  /** Messages of the same device before this one that did not come. */
  readonly missing: number;
}

/** As many as the SDK lets wait for a reader. */
const UNREAD_MAX = 2_000;

export class Unread {
  readonly #path: string;
  #messages: Received[];
  #wake: () => void = () => undefined;

  private constructor(path: string, messages: Received[]) {
    this.#path = path;
    this.#messages = messages;
  }

  static async open(home: string): Promise<Unread> {
    const path = join(home, 'unread.json');
    const text = await readIfThere(path);
    return new Unread(path, text === undefined ? [] : (JSON.parse(text.toString()) as Received[])); // As `save` wrote it.
  }

  push(message: Received): void {
    this.#messages.push(message);
    this.#wake();
  }

  /** Takes the oldest of these channels; waits for one. Throws `slow_consumer` when too many wait, and the signal's reason. */
  async take(isWanted: (channel: string) => boolean, signal: AbortSignal): Promise<Received> {
    for (;;) {
      signal.throwIfAborted();
      if (this.#messages.length > UNREAD_MAX)
        throw new Failure('slow_consumer', { detail: 'Too many messages are unread' });
      const index = this.#messages.findIndex(({ channel }) => isWanted(channel));
      const [message] = index < 0 ? [] : this.#messages.splice(index, 1);
      if (message !== undefined) return message;
      await this.#change(signal);
    }
  }

  /** Leaves the rest for another command. */
  async save(): Promise<void> {
    if (this.#messages.length === 0) await rm(this.#path, { force: true });
    else await replaceFile(this.#path, JSON.stringify(this.#messages));
  }

  #change(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
  }
}

/** A message of this channel as it is printed. */
export function received(channel: string, message: SecureMessage): Received {
  const { id, from, position, bytes, missing } = message;
  const text = fromUtf8(bytes);
  const isText = Buffer.from(text).equals(bytes);
  return {
    type: 'message',
    channel,
    id,
    userId: from.userId,
    deviceId: from.deviceId,
    ...position,
    ...(isText ? { text } : { data: toBase64Url(bytes) }),
    missing,
  };
}
