/**
 * One of the two clients of `npm run try`: a process of its own that uses the SDK as an application would, and does
 * what its parent says over IPC. It ends when the parent is gone, however that ended.
 */

import { toBase64Url } from '../../../shared/bytes.ts';
import type { Channel } from '../../../shared/client/channel.ts';
import { createCrypto } from '../../../shared/client/crypto-default.ts';
import { memoryDeviceStore } from '../../../shared/client/device.ts';
import { type Client, connectAccount } from '../../../shared/client/hushwire.ts';
import type { Position } from '../../../shared/position.ts';
import { Network } from './network.ts';
import {
  monotonicMs,
  type QuestionName,
  type Questions,
  type Received,
  type Reply,
  type Request,
  type Sent,
} from './protocol.ts';

type Answers = {
  readonly [K in QuestionName]: (question: Questions[K]['question']) => Promise<Questions[K]['answer']>;
};

/** Short pauses: the network comes back when the parent says so, and nobody should wait then. */
const BACKOFF = { baseMs: 50, capMs: 500 };

const network = new Network();
const store = memoryDeviceStore();
const keys = new Map<string, Uint8Array<ArrayBuffer>>();
const messages: Received[] = [];
const counts = { gaps: 0, unreadable: 0 };
let client: Client | undefined;
let channel: Channel | undefined;
let position: Position | undefined;
let waiting: { readonly count: number; readonly resolve: () => void } | undefined;
let handedOver: Promise<Sent> | undefined;

const answers: Answers = {
  open: async ({ edge, node, through }) => {
    const { openSocket, fetch } = network;
    const crypto = (device: Parameters<typeof createCrypto>[0]) => createCrypto(device, keys);
    const prefer = node === undefined ? {} : { node };
    client = await connectAccount({
      edge,
      store,
      crypto,
      openSocket,
      fetch,
      through,
      ...prefer,
      backoff: BACKOFF,
    });
    const { userId, deviceId, card, state } = client;
    if (state.state !== 'online') throw new Error(`The client is ${state.state}`);
    const { node: at, isThroughEdge } = state;
    return {
      userId,
      deviceId,
      agreementKey: card.agreementKey,
      node: at,
      isThroughEdge,
      nodes: network.nodes,
    };
  },
  close: async () => {
    position = channel?.position;
    client?.close();
    channel = undefined;
    return {};
  },
  createChannel: async () => ({ channelId: await opened().createChannel() }),
  addMember: async ({ channelId, userId }) => {
    await opened().addMember(channelId, userId);
    return {};
  },
  shareKey: async ({ channelId, agreementKey }) => ({
    jwe: await opened().shareKey(channelId, agreementKey),
  }),
  acceptKey: async ({ channelId, jwe }) => {
    await opened().acceptKey(channelId, jwe);
    return {};
  },
  subscribe: async ({ channelId }) => {
    channel = opened().channel(channelId);
    channel.on('message', ({ id, from, isOwn, position: { offset }, text }) => {
      messages.push({ id, from, isOwn, offset, text: text(), atMs: monotonicMs() });
      wake();
    });
    channel.on('gap', () => {
      counts.gaps += 1;
    });
    channel.on('unreadable', () => {
      counts.unreadable += 1;
    });
    await channel.subscribe(position === undefined ? {} : { after: position });
    return {};
  },
  publish: async ({ texts }) => {
    const sent: Sent[] = [];
    for (const text of texts) sent.push(await publish(text));
    return { sent };
  },
  received: async ({ count }) => {
    await new Promise<void>((resolve) => {
      waiting = { count, resolve };
      wake();
    });
    return { messages };
  },
  cut: async ({ text }) => {
    network.cut();
    handedOver = publish(text);
    return {};
  },
  restore: async () => {
    network.restore();
    opened().wake();
    if (handedOver === undefined) throw new Error('The network was not cut');
    const sent = await handedOver;
    const { state } = opened();
    return { node: state.state === 'online' ? state.node : '', sent };
  },
  evidence: async ({ channelId }) => {
    const key = keys.get(channelId);
    if (key === undefined) throw new Error('This client has no channel key');
    return { frames: network.frames, key: toBase64Url(key), ...counts };
  },
};

process.on('message', (request: Request) => void reply(request));
process.on('disconnect', () => process.exit());
// Ctrl-C in a terminal is the parent's to act on.
process.on('SIGINT', () => undefined);

async function reply({ id, name, question }: Request): Promise<void> {
  let answer: Reply;
  try {
    // `Request` ties each name to its question; TypeScript does not carry that through the look-up.
    const respond = answers[name] as (question: Request['question']) => Promise<object>;
    answer = { id, answer: await respond(question) };
  } catch (error) {
    answer = {
      id,
      fault: error instanceof Error ? `${name}: ${error.message}` : `${name}: ${String(error)}`,
    };
  }
  process.send?.(answer);
}

async function publish(text: string): Promise<Sent> {
  if (channel === undefined) throw new Error('Not subscribed');
  const atMs = monotonicMs();
  const { id, position: at } = await channel.publish(text);
  return { id, offset: at.offset, atMs };
}

function opened(): Client {
  if (client === undefined) throw new Error('Not open');
  return client;
}

function wake(): void {
  if (waiting === undefined || messages.filter(({ isOwn }) => !isOwn).length < waiting.count) return;
  waiting.resolve();
  waiting = undefined;
}
