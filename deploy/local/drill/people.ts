/** The people of the drill: accounts whose devices outlive every disaster, as they would in people's pockets. */
import { openNodeSocket } from '../../../shared/client/adapters/node-socket.ts';
import type { Channel } from '../../../shared/client/channel.ts';
import { createCrypto } from '../../../shared/client/crypto-default.ts';
import { type DeviceStore, memoryDeviceStore } from '../../../shared/client/device.ts';
import { type Client, connectAccount } from '../../../shared/client/hushwire.ts';

/** Short pauses: what is measured is the service, not the patience of the SDK. */
const BACKOFF = { baseMs: 50, capMs: 500 };
const CONNECT_TIMEOUT_MS = 60_000;

export class Person {
  readonly #edge: string;
  readonly #keys: Map<string, Uint8Array<ArrayBuffer>>;
  readonly #store: DeviceStore = memoryDeviceStore();
  #client: Client | undefined;
  readonly heard: string[] = [];
  gaps = 0;

  /** `keys`: the channel keys, which in the drill everybody shares. */
  constructor(edge: string, keys: Map<string, Uint8Array<ArrayBuffer>>) {
    this.#edge = edge;
    this.#keys = keys;
  }

  /** Signs in as the same device each time; the first time with a new account. */
  async comeOnline(): Promise<Client> {
    this.#client?.close();
    this.#client = await connectAccount({
      edge: this.#edge,
      store: this.#store,
      crypto: (device) => createCrypto(device, this.#keys),
      openSocket: openNodeSocket,
      backoff: BACKOFF,
      connectTimeoutMs: CONNECT_TIMEOUT_MS,
    });
    return this.#client;
  }

  get client(): Client {
    if (this.#client === undefined) throw new Error('Not online');
    return this.#client;
  }

  async listen(channelId: string): Promise<Channel> {
    const channel = this.client.channel(channelId);
    channel.on('message', (message) => void this.heard.push(message.text()));
    channel.on('gap', () => {
      this.gaps += 1;
    });
    await channel.subscribe();
    return channel;
  }

  leave(): void {
    this.#client?.close();
    this.#client = undefined;
  }
}
