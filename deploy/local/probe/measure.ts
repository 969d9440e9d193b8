/** What one run of the probe does: signs in twice, on two nodes where there are two, and sends messages across. */
import { openNodeSocket } from '../../../shared/client/adapters/node-socket.ts';
import type { Channel } from '../../../shared/client/channel.ts';
import { createCrypto } from '../../../shared/client/crypto-default.ts';
import { type Client, connectAccount } from '../../../shared/client/hushwire.ts';
import type { Identity } from './identity.ts';

export interface Measured {
  /** Names of the nodes the two connections are on. */
  readonly nodes: readonly [string, string];
  /** From nothing to online, of the first connection. */
  readonly signInMs: number;
  /** From before encryption at one client to after decryption at the other, in the order sent. */
  readonly deliveryMs: readonly number[];
}

export interface MeasureOptions {
  readonly edge: string;
  readonly identity: Identity;
  readonly messages: number;
  readonly signal: AbortSignal;
}

/** Throws what kept it from signing in, publishing or hearing; nothing stays open. */
export async function measure(options: MeasureOptions): Promise<Measured> {
  const { edge, identity, signal } = options;
  const open: Client[] = [];
  // Both ends are this process: a key for this run alone, that never travels.
  const keys = new Map<string, Uint8Array<ArrayBuffer>>();
  const connect = async (name: string, avoid?: string) => {
    const client = await connectAccount({
      edge,
      store: identity.store(name),
      crypto: (device) => createCrypto(device, keys),
      openSocket: openNodeSocket,
      signal,
      ...(avoid === undefined ? {} : { avoid }),
    });
    open.push(client);
    return client;
  };
  try {
    const startedMs = performance.now();
    const sender = await connect('sender');
    const signInMs = performance.now() - startedMs;
    const receiver = await connect('receiver', nodeOf(sender));
    const [from, to] = await join({ sender, receiver, identity, keys });
    const deliveryMs = await exchange({ from, to, messages: options.messages, signal });
    return { nodes: [nodeOf(sender), nodeOf(receiver)], signInMs, deliveryMs };
  } finally {
    for (const client of open) client.close();
  }
}

function nodeOf({ state }: Client): string {
  return state.state === 'online' ? state.node : state.state;
}

interface Pair {
  readonly sender: Client;
  readonly receiver: Client;
  readonly identity: Identity;
  readonly keys: Map<string, Uint8Array<ArrayBuffer>>;
}

/** Their channel, made when this is the first run. */
async function join({ sender, receiver, identity, keys }: Pair): Promise<[Channel, Channel]> {
  let { channelId } = identity;
  if (channelId === undefined) {
    channelId = await sender.createChannel();
    await sender.addMember(channelId, receiver.userId);
    await identity.setChannel(channelId);
  }
  keys.set(channelId, crypto.getRandomValues(new Uint8Array(32)));
  const channels: [Channel, Channel] = [sender.channel(channelId), receiver.channel(channelId)];
  await Promise.all(channels.map((channel) => channel.subscribe()));
  return channels;
}

interface Exchange {
  readonly from: Channel;
  readonly to: Channel;
  readonly messages: number;
  readonly signal: AbortSignal;
}

/** One message at a time, so that each is timed alone. */
async function exchange({ from, to, messages, signal }: Exchange): Promise<number[]> {
  const heard = to.messages();
  const times: number[] = [];
  for (let i = 0; i < messages; i += 1) {
    const text = crypto.randomUUID();
    const startedMs = performance.now();
    await Promise.all([from.publish(text, { signal }), hear(heard, text, signal)]);
    times.push(performance.now() - startedMs);
  }
  return times;
}

async function hear(messages: ReturnType<Channel['messages']>, text: string, signal: AbortSignal) {
  const aborted = new Promise<never>((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
  for (;;) {
    const { value, done } = await Promise.race([messages.next(), aborted]);
    if (done) throw new Error('The channel ended');
    if (value.text() === text) return;
  }
}
