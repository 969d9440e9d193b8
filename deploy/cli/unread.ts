/**
 * Messages that were decrypted and not printed yet. Their keys are gone the moment they are read, whatever command did
 * that, so what nobody has printed is kept in the account's directory until `listen` does.
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fromUtf8, toBase64Url } from '../../shared/bytes.ts';
import { readIfThere, replaceFile } from '../../shared/client/adapters/atomic-file.ts';
import type { SecureMessage } from '../../shared/client/mls/secure-message.ts';

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

/** What is kept, as much as the SDK lets wait for a reader; beyond it the oldest are dropped, and counted. */
export const UNREAD_MAX_MESSAGES = 2_000;
export const UNREAD_MAX_CHARS = 8 * 1024 * 1024;

interface UnreadFile {
  readonly dropped: number;
  readonly messages: readonly Received[];
}

export class Unread {
  readonly #path: string;
  readonly #messages: Received[];
  #chars: number;
  #dropped: number;
  #wake: () => void = () => undefined;

  private constructor(path: string, { dropped, messages }: UnreadFile) {
    this.#path = path;
    this.#messages = [...messages];
    this.#dropped = dropped;
    this.#chars = messages.reduce((sum, message) => sum + charsOf(message), 0);
  }

  static async open(home: string): Promise<Unread> {
    const path = join(home, 'unread.json');
    const text = await readIfThere(path);
    if (text === undefined) return new Unread(path, { dropped: 0, messages: [] });
    return new Unread(path, JSON.parse(text.toString()) as UnreadFile); // As `save` wrote it.
  }

  push(message: Received): void {
    this.#messages.push(message);
    this.#chars += charsOf(message);
    while (this.#messages.length > UNREAD_MAX_MESSAGES || this.#chars > UNREAD_MAX_CHARS) {
      this.#remove(0);
      this.#dropped += 1;
    }
    this.#wake();
  }

  /** The oldest of these channels, which stays until `printed`; waits for one. Throws the signal's reason. */
  async next(isWanted: (channel: string) => boolean, signal: AbortSignal): Promise<Received> {
    for (;;) {
      signal.throwIfAborted();
      const message = this.#messages.find(({ channel }) => isWanted(channel));
      if (message !== undefined) return message;
      await this.#change(signal);
    }
  }

  /** Somebody has it now. */
  printed(message: Received): void {
    const index = this.#messages.indexOf(message);
    if (index >= 0) this.#remove(index);
  }

  /** How many were dropped since this was asked last. */
  takeDropped(): number {
    const dropped = this.#dropped;
    this.#dropped = 0;
    return dropped;
  }

  /** Leaves the rest for another command. */
  async save(): Promise<void> {
    const file: UnreadFile = { dropped: this.#dropped, messages: this.#messages };
    if (file.messages.length === 0 && file.dropped === 0) await rm(this.#path, { force: true });
    else await replaceFile(this.#path, JSON.stringify(file));
  }

  #remove(index: number): void {
    for (const message of this.#messages.splice(index, 1)) this.#chars -= charsOf(message);
  }

  #change(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const settle = () => {
        signal.removeEventListener('abort', settle);
        resolve();
      };
      this.#wake = settle;
      signal.addEventListener('abort', settle, { once: true });
    });
  }
}

function charsOf({ text = '', data = '' }: Received): number {
  return text.length + data.length;
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
