/**
 * Holds back what the relay brings, for as long as this node cannot know who was banned.
 *
 * While it is on, no announcement reaches the node and every call is refused as if the relay were away, so nothing is sent to
 * anybody and nothing is taken from anybody. When it goes off the node hears that announcements may have been missed: it
 * reads on where it stood, and what the log does not hold any more is told as a gap.
 */
import { Failure } from '../shared/failure.ts';
import type { Broker, Mailboxes, Presences } from './ports.ts';

export interface Relayed {
  readonly broker: Broker;
  readonly mailboxes: Mailboxes;
  readonly presences: Presences;
}

export class Suspension {
  #isOn = false;
  readonly #interrupted: (() => void)[] = [];

  get isOn(): boolean {
    return this.#isOn;
  }

  /** True when this changed something. */
  set(isOn: boolean): boolean {
    if (this.#isOn === isOn) return false;
    this.#isOn = isOn;
    if (!isOn) for (const interrupt of this.#interrupted) interrupt();
    return true;
  }

  /** The same three, held back while this is on. */
  over({ broker, mailboxes, presences }: Relayed): Relayed {
    return {
      broker: this.#broker(broker),
      mailboxes: this.#mailboxes(mailboxes),
      presences: this.#presences(presences),
    };
  }

  #broker(inner: Broker): Broker {
    return {
      publish: (outgoing) => this.#call(() => inner.publish(outgoing)),
      announce: (channel, body) => this.#call(() => inner.announce(channel, body)),
      forget: (channel) => inner.forget(channel),
      read: (channel, after) => this.#read(() => inner.read(channel, after)),
      subscribe: (channel) => this.#call(() => inner.subscribe(channel)),
      unsubscribe: (channel) => inner.unsubscribe(channel),
      listen: (listener) => {
        this.#interrupted.push(() => listener.onInterrupted());
        inner.listen({
          onPublication: (channel, publication) =>
            this.#unlessOn(() => listener.onPublication(channel, publication)),
          onEphemeral: (channel, body) => this.#unlessOn(() => listener.onEphemeral(channel, body)),
          onInterrupted: () => this.#unlessOn(() => listener.onInterrupted()),
        });
      },
    };
  }

  #mailboxes(inner: Mailboxes): Mailboxes {
    return {
      post: (letter) => this.#call(() => inner.post(letter)),
      attach: (mailbox) => this.#call(() => inner.attach(mailbox)),
      claim: (attachment) => this.#call(() => inner.claim(attachment)),
      read: (mailbox, afterSeq) => this.#read(() => inner.read(mailbox, afterSeq)),
      ack: (attachment, ranges) => this.#call(() => inner.ack(attachment, ranges)),
      watch: (mailbox) => this.#call(() => inner.watch(mailbox)),
      unwatch: (mailbox) => inner.unwatch(mailbox),
      listen: (listener) => {
        this.#interrupted.push(() => listener.onInterrupted());
        inner.listen({
          onItem: (mailbox) => this.#unlessOn(() => listener.onItem(mailbox)),
          // Ends an older connection of the device, which is no delivery.
          onAttached: (mailbox, fence) => listener.onAttached(mailbox, fence),
          onInterrupted: () => this.#unlessOn(() => listener.onInterrupted()),
        });
      },
    };
  }

  #presences(inner: Presences): Presences {
    return {
      lifeMs: inner.lifeMs,
      show: (channel, members) => this.#call(() => inner.show(channel, members)),
      // Whoever is gone may be told gone; nothing comes back from it.
      leave: (channel, member) => inner.leave(channel, member),
      read: (channel) => this.#read(() => inner.read(channel)),
      watch: (channel) => this.#call(() => inner.watch(channel)),
      unwatch: (channel) => inner.unwatch(channel),
      listen: (listener) => {
        this.#interrupted.push(() => listener.onInterrupted());
        inner.listen({
          onShown: (channel) => this.#unlessOn(() => listener.onShown(channel)),
          onLeaving: (channel, member) => this.#unlessOn(() => listener.onLeaving(channel, member)),
          onInterrupted: () => this.#unlessOn(() => listener.onInterrupted()),
        });
      },
    };
  }

  #unlessOn(tell: () => void): void {
    if (!this.#isOn) tell();
  }

  #call<T>(ask: () => Promise<T>): Promise<T> {
    return this.#isOn ? Promise.reject(suspended()) : ask();
  }

  /** What was under way when it went on is not delivered either. */
  async #read<T>(ask: () => Promise<T>): Promise<T> {
    const answer = await this.#call(ask);
    if (this.#isOn) throw suspended();
    return answer;
  }
}

function suspended(): Failure {
  return new Failure('unavailable', { detail: 'This node does not hear who was banned' });
}
