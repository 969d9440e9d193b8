import { openNodeSocket } from '../../../shared/client/adapters/node-socket.ts';
import type { Channel } from '../../../shared/client/channel.ts';
import { type Client, connectAccount } from '../../../shared/client/hushwire.ts';
import type { OpenSocket } from '../../../shared/client/socket.ts';
import type { Marked, Tally } from './tally.ts';

/** Members of each channel. */
export const MEMBERS = 4;
/** Clients that sign up at the same time: enough to keep the edge busy, few enough not to meet its deadlines. */
const SIGN_UPS = 20;

export interface CrowdOptions {
  readonly edge: string;
  readonly clients: number;
  readonly tally: Tally;
  readonly onProgress: (ready: number) => void;
}

interface Person {
  readonly client: Client;
  readonly channel: Channel;
  readonly place: { readonly channel: number; readonly sender: number };
}

/** Clients in channels of four, each of which reads and writes; what they see goes into the tally. */
export class Crowd {
  /** Sockets that ended before they were open. */
  failedUpgrades = 0;
  /** How long clients were without a connection, each time one was. */
  readonly gapsMs: number[] = [];
  /** Times a client was told that messages may be missing. */
  gapsTold = 0;
  readonly #options: CrowdOptions;
  readonly #people: Person[] = [];
  readonly #numbers = new Map<number, number>();
  #pending = 0;
  #turn = 0;

  constructor(options: CrowdOptions) {
    this.#options = options;
  }

  /** Signs everybody up, makes the channels, and resolves when all are subscribed. */
  async gather(): Promise<void> {
    const { clients, onProgress } = this.#options;
    const groups = Array.from({ length: clients / MEMBERS }, (_, group) => group);
    const work = async () => {
      for (let group = groups.shift(); group !== undefined; group = groups.shift()) {
        await this.#form(group);
        onProgress(this.#people.length);
      }
    };
    await Promise.all(Array.from({ length: SIGN_UPS / MEMBERS }, work));
  }

  get unanswered(): number {
    return this.#pending;
  }

  /** Publishes at a steady rate until the returned function is called. */
  talk(perSecond: number): () => void {
    let owed = 0;
    let lastMs = performance.now();
    const timer = setInterval(() => {
      const nowMs = performance.now();
      owed += ((nowMs - lastMs) / 1_000) * perSecond;
      lastMs = nowMs;
      for (; owed >= 1; owed -= 1) this.#say();
    }, 10);
    return () => clearInterval(timer);
  }

  close(): void {
    for (const { client } of this.#people) client.close();
  }

  async #form(group: number): Promise<void> {
    const members = await Promise.all(Array.from({ length: MEMBERS }, () => this.#signUp()));
    const [owner, ...others] = members;
    if (owner === undefined) return;
    const channelId = await owner.createChannel();
    for (const other of others) {
      await owner.addMember(channelId, other.userId);
      await other.acceptKey(channelId, await owner.shareKey(channelId, other.card.agreementKey));
    }
    await Promise.all(
      members.map((client, i) => this.#join(client, channelId, [group, group * MEMBERS + i])),
    );
  }

  async #signUp(): Promise<Client> {
    const { edge } = this.#options;
    const openSocket: OpenSocket = (url, protocols, events) => {
      let isOpen = false;
      return openNodeSocket(url, protocols, {
        ...events,
        opened: (protocol) => {
          isOpen = true;
          events.opened(protocol);
        },
        ended: (code, reason) => {
          if (!isOpen && code !== 1000) this.failedUpgrades += 1;
          events.ended(code, reason);
        },
      });
    };
    const client = await connectAccount({ edge, openSocket, through: 'direct' });
    this.#watch(client);
    return client;
  }

  #watch(client: Client): void {
    let offlineAtMs: number | undefined;
    client.on('state', ({ state }) => {
      const nowMs = performance.now();
      if (state === 'reconnecting') offlineAtMs ??= nowMs;
      if (state !== 'online' || offlineAtMs === undefined) return;
      this.gapsMs.push(nowMs - offlineAtMs);
      offlineAtMs = undefined;
    });
  }

  async #join(client: Client, channelId: string, [group, sender]: [number, number]): Promise<void> {
    const channel = client.channel(channelId);
    channel.on('message', (message) => {
      this.#options.tally.received(sender, JSON.parse(message.text()) as Marked, performance.now());
    });
    channel.on('gap', () => {
      this.gapsTold += 1;
    });
    await channel.subscribe();
    this.#people.push({ client, channel, place: { channel: group, sender } });
  }

  #say(): void {
    const person = this.#people[this.#turn % this.#people.length];
    this.#turn += 1;
    if (person === undefined) return;
    const number = (this.#numbers.get(person.place.sender) ?? 0) + 1;
    this.#numbers.set(person.place.sender, number);
    const message: Marked = { ...person.place, number, atMs: performance.now() };
    this.#pending += 1;
    person.channel
      .publish(JSON.stringify(message))
      .then(
        () => this.#options.tally.accepted(message),
        () => undefined, // Not accepted, so nothing was promised.
      )
      .finally(() => {
        this.#pending -= 1;
      });
  }
}
