import { randomId } from '../../../shared/bytes.ts';
import { openNodeSocket } from '../../../shared/client/adapters/node-socket.ts';
import { createApi } from '../../../shared/client/api.ts';
import type { Channel } from '../../../shared/client/channel.ts';
import { type Clock, systemClock } from '../../../shared/client/clock.ts';
import type { ChannelCrypto } from '../../../shared/client/crypto.ts';
import { loadDevice, memoryDeviceStore } from '../../../shared/client/device.ts';
import { Client } from '../../../shared/client/hushwire.ts';
import { Session } from '../../../shared/client/session.ts';
import type { Tag } from '../../../shared/frame.ts';
import type { Position } from '../../../shared/position.ts';
import { createPerson, type Gate, type Person } from './gate.ts';
import type { History } from './history.ts';

/** The SDK's deadlines are made for networks between continents; here a quarter of them is long. */
const HASTE = 4;
const START_DEADLINE_MS = 20_000;
/** On the hurried clock: a message may wait through every fault of a schedule. */
const PUBLISH_DEADLINE_MS = 600_000;

const hurriedClock: Clock = {
  ...systemClock,
  after: (ms, run) => systemClock.after(Math.ceil(ms / HASTE), run),
};

export interface TalkerOptions {
  readonly name: string;
  readonly gate: Gate;
  readonly history: History;
  readonly channels: readonly Tag[];
}

/** A client of the SDK, which reads every channel and publishes; resending and resuming are its own. */
export class Talker {
  readonly #options: TalkerOptions;
  readonly #client: Client;
  readonly #open = new Map<Tag, Channel>();
  #unanswered = 0;

  private constructor(options: TalkerOptions, client: Client) {
    this.#options = options;
    this.#client = client;
  }

  /** Resolves when it reads all its channels. */
  static async start(options: TalkerOptions): Promise<Talker> {
    const client = await createClient(options.gate, createPerson());
    const talker = new Talker(options, client);
    await client.online(AbortSignal.timeout(START_DEADLINE_MS));
    await Promise.all(options.channels.map((channel) => talker.#follow(channel)));
    return talker;
  }

  get unanswered(): number {
    return this.#unanswered;
  }

  positionIn(channel: Tag): Position | undefined {
    return this.#open.get(channel)?.position;
  }

  publish(channel: Tag, bytes: number): void {
    const { history } = this.#options;
    const id = randomId();
    this.#unanswered += 1;
    history.add({ kind: 'offered', channel, id });
    this.#open
      .get(channel)
      ?.publish(new Uint8Array(bytes), { id })
      .then(
        ({ position }) => history.add({ kind: 'accepted', channel, id, position }),
        () => undefined, // Whether it was published is unknown, so nothing is promised.
      )
      .finally(() => {
        this.#unanswered -= 1;
      });
  }

  close(): void {
    this.#client.close();
  }

  async #follow(tag: Tag): Promise<void> {
    const { name, history } = this.#options;
    const reader = `${name} ${tag}`;
    const channel = this.#client.channel(tag);
    this.#open.set(tag, channel);
    await channel.subscribe();
    const { position } = channel;
    if (position === undefined) throw new Error('A live channel has no position');
    history.add({ kind: 'held', reader, channel: tag, position, isDropping: true });
    channel.on('message', (message) =>
      history.add({ kind: 'read', reader, channel: tag, id: message.id, position: message.position }),
    );
    channel.on('gap', (gap) => history.add({ kind: 'gap', reader, channel: tag, ...gap }));
  }
}

async function createClient(gate: Gate, person: Person): Promise<Client> {
  const { userId: _, ...device } = await loadDevice(memoryDeviceStore());
  const http = () => Promise.reject(new Error('There is no edge here'));
  const session = new Session(person.session, { http, clock: hurriedClock, device, audience: '' });
  return new Client({
    edge: '',
    device,
    session,
    api: { ...createApi(http, session), connect: (channels) => gate.admit(person, channels) },
    clock: hurriedClock,
    backoff: { baseMs: 200, capMs: 2_000 },
    through: 'direct',
    openSocket: openNodeSocket,
    crypto: () => openCrypto,
    publishTimeoutMs: PUBLISH_DEADLINE_MS,
  });
}

/** Encrypts nothing: what nodes do with ciphertext does not depend on what is in it. */
const openCrypto: ChannelCrypto = {
  isPassThrough: true,
  agreementKey: {},
  createKey: () => Promise.resolve(),
  hasKey: () => true,
  seal: (plaintext) => Promise.resolve(plaintext),
  open: (ciphertext) => Promise.resolve({ plaintext: ciphertext }),
  wrapKeyFor: () => Promise.resolve(''),
  unwrapKey: () => Promise.resolve(),
};
