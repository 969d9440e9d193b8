import { fromBase64Url, fromUtf8 } from '../bytes.ts';
import { Failure, toFailure } from '../failure.ts';
import type { FailureCode } from '../failures.ts';
import type { EphemeralFrame, GapFrame, GapReason, PublicationFrame, RevokedFrame, Tag } from '../frame.ts';
import type { Stamp } from '../franking.ts';
import type { Position } from '../position.ts';
import { openCommitment } from './commitment.ts';
import type { ChannelCrypto, Unreadable } from './crypto.ts';
import { INBOX_MAX_BYTES, INBOX_MAX_ITEMS, Inbox } from './inbox.ts';

/** A message that was decrypted. */
export interface Message {
  /** The id its sender gave it. */
  readonly id: string;
  /** Member tag of the sender: the same for all of one member's messages in this channel, and only there. */
  readonly from: Tag;
  /** Sent by this account, on this device or another. */
  readonly isOwn: boolean;
  readonly position: Position;
  readonly bytes: Uint8Array;
  /** What a report needs (report.ts); without it nobody can prove that this was sent. */
  readonly evidence?: Evidence;
  /** Of content that the application encrypts itself: whoever opens it makes the evidence of it. */
  readonly committed?: Committed;
  /** The bytes as UTF-8; throws TypeError when they are not. */
  text(): string;
}

/** Proof of a message for moderators: the commitment, the key that opens it, and the node's stamp. */
export interface Evidence {
  readonly commitment: string;
  readonly opening: string;
  readonly stamp: Stamp;
}
/** What came outside the ciphertext. */
export type Committed = Pick<Evidence, 'commitment'> & Partial<Pick<Evidence, 'stamp'>>;

/** What its sender wanted nobody to keep: typing, a receipt. One that cannot be read is dropped. */
export type EphemeralMessage = Omit<Message, 'position' | 'evidence' | 'committed'>;

/** What a channel brings, in the order of its stream. */
export interface ReaderEvents {
  readonly message: Message;
  readonly ephemeral: EphemeralMessage;
  /** A message that this device cannot read; nothing else tells of it. */
  readonly unreadable: Pick<Message, 'id' | 'from' | 'position'> & { readonly reason: Unreadable };
  /** Messages before `position` may be missing: the log was trimmed, or the store may have lost data. */
  readonly gap: { readonly position: Position; readonly reason: GapReason };
  /** This account may no longer read the channel; `messages()` ends with the same code. */
  readonly revoked: { readonly code: FailureCode };
}

export interface ReaderPorts {
  readonly channelId: string;
  readonly crypto: ChannelCrypto;
  readonly isOwn: (from: Tag) => boolean;
  readonly emitter: { emit<K extends keyof ReaderEvents>(name: K, event: ReaderEvents[K]): void };
  /** The crypto port threw what it never should; nothing more will be handed on. */
  readonly onFault: (failure: Failure) => void;
}

type Content =
  | { readonly bytes: Uint8Array; readonly evidence?: Evidence; readonly committed?: Committed }
  | { readonly unreadable: Unreadable };

/** What goes through the queue. */
export type Incoming = PublicationFrame | EphemeralFrame | GapFrame | Omit<RevokedFrame, 'channel'>;

/**
 * Decrypts what one channel brings and hands it on, one frame after another: messages, gaps and the end keep their
 * order whatever decryption takes. Its queue is bounded; whoever fills it asks `isFull` first.
 */
export class Reader {
  /** Senders of whom nothing is handed on. */
  isHidden: (from: Tag) => boolean = () => false;
  readonly #ports: ReaderPorts;
  readonly #inboxes = new Set<Inbox<Message>>();
  readonly #queue: Incoming[] = [];
  #queuedChars = 0;
  #isPumping = false;
  #hasEnded = false;

  constructor(ports: ReaderPorts) {
    this.#ports = ports;
  }

  get isFull(): boolean {
    return this.#queue.length >= INBOX_MAX_ITEMS || this.#queuedChars > INBOX_MAX_BYTES;
  }

  push(frame: Incoming): void {
    if (this.#hasEnded) return;
    this.#queue.push(frame);
    this.#queuedChars += charsOf(frame);
    void this.#pump();
  }

  /** Messages from this call on. */
  messages(): Inbox<Message> {
    const inbox: Inbox<Message> = new Inbox({
      sizeOf: ({ bytes }) => bytes.length,
      onEnd: () => this.#inboxes.delete(inbox),
    });
    if (this.#hasEnded) inbox.end();
    else this.#inboxes.add(inbox);
    return inbox;
  }

  /** Drops what is queued and ends every inbox. */
  end(failure: Failure | undefined): void {
    this.#hasEnded = true;
    this.#queue.length = 0;
    for (const inbox of [...this.#inboxes]) inbox.end(failure);
  }

  async #pump(): Promise<void> {
    if (this.#isPumping) return;
    this.#isPumping = true;
    try {
      for (let frame = this.#queue.shift(); frame !== undefined; frame = this.#queue.shift()) {
        await this.#handOn(frame);
        this.#queuedChars -= charsOf(frame);
      }
    } catch (error) {
      this.#ports.onFault(toFailure(error));
    } finally {
      this.#isPumping = false;
    }
  }

  async #handOn(frame: Incoming): Promise<void> {
    if ('from' in frame && this.isHidden(frame.from)) return;
    if (frame.type === 'publication') return this.#open(frame);
    if (frame.type === 'ephemeral') return this.#openEphemeral(frame);
    if (frame.type === 'gap')
      return this.#ports.emitter.emit('gap', { position: frame.position, reason: frame.reason });
    for (const inbox of [...this.#inboxes]) inbox.end(new Failure(frame.code));
    this.#ports.emitter.emit('revoked', { code: frame.code });
  }

  async #open(frame: PublicationFrame): Promise<void> {
    const { id, from, epoch, offset } = frame;
    const { emitter, isOwn } = this.#ports;
    const opened = await this.#openContent(frame);
    if (this.#hasEnded) return;
    const position = { epoch, offset };
    if ('unreadable' in opened)
      return emitter.emit('unreadable', { id, from, position, reason: opened.unreadable });
    const { bytes } = opened;
    const message: Message = {
      ...{ id, from, isOwn: isOwn(from), position, text: () => fromUtf8(bytes) },
      ...opened,
    };
    for (const inbox of [...this.#inboxes]) inbox.push(message);
    emitter.emit('message', message);
  }

  /** Content whose commitment does not open is not shown: it could not be reported. */
  async #openContent({ id, data, commitment, stamp }: PublicationFrame): Promise<Content> {
    const { crypto, channelId } = this.#ports;
    const place = { channelId, messageId: id };
    const ciphertext = fromBase64Url(data);
    if (commitment === undefined) {
      const opened = await crypto.open(ciphertext, place);
      return 'unreadable' in opened ? opened : { bytes: opened.plaintext };
    }
    const opened = await crypto.open(ciphertext, { ...place, commitment });
    if ('unreadable' in opened) return opened;
    if (crypto.isPassThrough)
      return {
        bytes: opened.plaintext,
        committed: { commitment, ...(stamp === undefined ? {} : { stamp }) },
      };
    const shown = await openCommitment(opened.plaintext, commitment, place);
    if (shown === undefined) return { unreadable: 'altered' };
    const { content: bytes, opening } = shown;
    return stamp === undefined ? { bytes } : { bytes, evidence: { commitment, opening, stamp } };
  }

  async #openEphemeral({ id, from, data }: EphemeralFrame): Promise<void> {
    const { crypto, channelId, emitter, isOwn } = this.#ports;
    const context = { channelId, messageId: id, isEphemeral: true } as const;
    const opened = await crypto.open(fromBase64Url(data), context);
    if (this.#hasEnded || 'unreadable' in opened) return;
    const bytes = opened.plaintext;
    emitter.emit('ephemeral', { id, from, isOwn: isOwn(from), bytes, text: () => fromUtf8(bytes) });
  }
}

function charsOf(frame: Incoming): number {
  return 'data' in frame ? frame.data.length : 0;
}
