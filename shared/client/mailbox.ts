import type { Connection, MailEvent } from './connection.ts';
import { Emitter } from './emitter.ts';
import { type MailEvents, type MailHandler, MailReceiver, type ReceiverPorts } from './mail-receiver.ts';
import { MailSender, type SealFor, type SenderPorts, type SendOptions, type Sent } from './mail-sender.ts';

/** Messages from device to device, kept for those that are away. The application encrypts for each device by itself. */
export interface Mailbox {
  /** Sends to every device of a user, under one id for each until it is decided (mail-sender.ts tells what it throws). */
  send(userId: string, sealFor: SealFor, options?: SendOptions): Promise<Sent>;
  /** Hands every item to `handler`, one after the other, and acks it when that has resolved. */
  receive(handler: MailHandler): void;
  on<K extends keyof MailEvents>(name: K, listener: (event: MailEvents[K]) => void): () => void;
}

export type MailboxPorts = SenderPorts & Omit<ReceiverPorts, 'emitter'>;

/** The mailbox of this device, and the way to those of others, over one connection after another. */
export class OpenMailbox implements Mailbox {
  readonly #emitter = new Emitter<MailEvents>();
  readonly #sender: MailSender;
  readonly #receiver: MailReceiver;

  constructor(ports: MailboxPorts) {
    this.#sender = new MailSender(ports);
    this.#receiver = new MailReceiver({ ...ports, emitter: this.#emitter });
  }

  send(userId: string, sealFor: SealFor, options: SendOptions = {}): Promise<Sent> {
    return this.#sender.send(userId, sealFor, options);
  }

  receive(handler: MailHandler): void {
    this.#receiver.receive(handler);
  }

  on<K extends keyof MailEvents>(name: K, listener: (event: MailEvents[K]) => void): () => void {
    return this.#emitter.on(name, listener);
  }

  /** The connection to use from now on; undefined while there is none. */
  use(connection: Connection | undefined): void {
    this.#sender.use(connection);
    this.#receiver.use(connection);
  }

  take(event: MailEvent, from: Connection): void {
    this.#receiver.take(event, from);
  }
}
