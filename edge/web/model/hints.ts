/**
 * What members tell each other that nobody keeps: who types, who is here, how far each has received and read. Marks are told
 * anew by whoever comes back, and to whoever asks, so that none of it needs a place in the log.
 */
import { signal } from '@preact/signals';
import type { SecureEphemeral } from '../../../shared/client/mls/ephemeral.ts';
import type { SecureChannel } from '../../../shared/client/mls/secure-channel.ts';
import type { Mark, StoredConversation } from '../store/database.ts';
import { type Hint, readHint } from './content.ts';

export interface HintPorts {
  /** While it can carry anything. */
  readonly channel: () => SecureChannel | undefined;
  readonly userId: () => string;
  readonly counting: () => Pick<StoredConversation, 'epoch' | 'base' | 'members' | 'marks'>;
  /** Whether this person wants to be seen at all. */
  readonly isShown: () => boolean;
  readonly onMark: (userId: string, mark: Mark) => void;
}

export interface Presence {
  readonly count: number;
  /** Of those whose tag has been heard with a name. */
  readonly userIds: readonly string[];
}

/** Somebody who has not typed for so long has stopped. */
const TYPING_MS = 5_000;
/** How often typing is told again. */
const TYPING_EVERY_MS = 2_500;
/** Marks of messages that come at once are told together. */
const MARKS_AFTER_MS = 200;
/** In a crowd, answers to everybody who comes in would be all there is. */
const ANSWERING_MAX = 30;

export class Hints {
  readonly typing = signal<readonly string[]>([]);
  readonly presence = signal<Presence>({ count: 0, userIds: [] });
  readonly #ports: HintPorts;
  readonly #timers = new Map<string, ReturnType<typeof setTimeout>>();
  readonly #users = new Map<string, string>();
  #here: readonly string[] = [];
  #own: Mark = { delivered: 0, read: 0 };
  #telling: ReturnType<typeof setTimeout> | undefined;
  #typedAtMs = 0;

  constructor(ports: HintPorts) {
    this.#ports = ports;
  }

  /** Hears what others tell, until the channel ends. */
  async watch(channel: SecureChannel): Promise<void> {
    channel.on('ephemeral', (event) => this.#take(event));
    if (this.#ports.isShown()) channel.presence.show().catch(() => undefined); // Shown again with the next connection.
    try {
      for await (const { count, members = [] } of channel.presence.changes()) {
        this.#here = members;
        this.#showPresence(count);
      }
    } catch {
      this.away(); // Ended with the channel, which tells why.
    }
  }

  /** The channel carries again: tells how far this device is, and asks the others. */
  live(): void {
    const { marks } = this.#ports.counting();
    this.#own = marks[this.#ports.userId()] ?? this.#own;
    this.#tell(true);
  }

  away(): void {
    clearTimeout(this.#telling);
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
    this.typing.value = [];
    this.presence.value = { count: 0, userIds: [] };
  }

  /** This person types; told now and then while it goes on. */
  typed(): void {
    if (!this.#ports.isShown() || Date.now() - this.#typedAtMs < TYPING_EVERY_MS) return;
    this.#typedAtMs = Date.now();
    this.#send({ kind: 'typing', user: this.#ports.userId() });
  }

  /** What was typed is written: what comes next is told at once. */
  wrote(): void {
    this.#typedAtMs = 0;
  }

  /** Somebody has written what they typed. */
  stopped(userId: string): void {
    clearTimeout(this.#timers.get(userId));
    this.#timers.delete(userId);
    this.typing.value = this.typing.value.filter((other) => other !== userId);
  }

  deliveredTo(place: number, isRead: boolean): void {
    this.#advance({ delivered: place, read: isRead ? place : 0 });
  }

  readTo(place: number): void {
    this.#advance({ delivered: place, read: place });
  }

  #advance({ delivered, read }: Mark): void {
    const next = {
      delivered: Math.max(this.#own.delivered, Math.floor(delivered)),
      read: Math.max(this.#own.read, Math.floor(read)),
    };
    if (next.delivered === this.#own.delivered && next.read === this.#own.read) return;
    this.#own = next;
    this.#ports.onMark(this.#ports.userId(), next);
    clearTimeout(this.#telling);
    this.#telling = setTimeout(() => this.#tell(false), MARKS_AFTER_MS);
  }

  #tell(asks: boolean): void {
    const { epoch, base } = this.#ports.counting();
    const offsets = { delivered: this.#own.delivered - base, read: this.#own.read - base };
    const delivered = Math.max(0, offsets.delivered);
    const read = this.#ports.isShown() ? Math.max(0, offsets.read) : 0;
    this.#send({ kind: 'marks', user: this.#ports.userId(), epoch, delivered, read, asks });
  }

  #send(hint: Hint): void {
    const sent = this.#ports.channel()?.sendEphemeral(JSON.stringify(hint));
    sent?.catch(() => undefined); // It may be lost anywhere on its way; marks are told again.
  }

  #take({ from, bytes }: SecureEphemeral): void {
    const hint = readHint(bytes);
    const { members } = this.#ports.counting();
    if (hint === undefined || !members.includes(hint.user) || hint.user === this.#ports.userId()) return;
    this.#users.set(from, hint.user);
    this.#showPresence(this.presence.value.count);
    if (hint.kind === 'typing') this.#types(hint.user);
    else this.#marked(hint);
  }

  #types(userId: string): void {
    clearTimeout(this.#timers.get(userId));
    this.#timers.set(
      userId,
      setTimeout(() => this.stopped(userId), TYPING_MS),
    );
    if (!this.typing.value.includes(userId)) this.typing.value = [...this.typing.value, userId];
  }

  #marked({ user, epoch, delivered, read, asks }: Extract<Hint, { kind: 'marks' }>): void {
    const counting = this.#ports.counting();
    if (epoch === counting.epoch) {
      const before = counting.marks[user] ?? { delivered: 0, read: 0 };
      const mark = {
        delivered: Math.max(before.delivered, counting.base + delivered),
        read: Math.max(before.read, read === 0 ? 0 : counting.base + read),
      };
      if (mark.delivered !== before.delivered || mark.read !== before.read) this.#ports.onMark(user, mark);
    }
    if (!asks || counting.members.length > ANSWERING_MAX) return;
    clearTimeout(this.#telling);
    this.#telling = setTimeout(() => this.#tell(false), MARKS_AFTER_MS * (1 + Math.random()));
  }

  #showPresence(count: number): void {
    const userIds = this.#here.flatMap((tag) => this.#users.get(tag) ?? []);
    this.presence.value = { count, userIds: [...new Set(userIds)] };
  }
}
