import { toBase64Url, utf8 } from '../../bytes.ts';
import type { Position } from '../../position.ts';
import type { Channel } from '../channel.ts';
import type { ChannelCrypto, Opened } from '../crypto.ts';
import { type Client, connectAccount } from '../hushwire.ts';
import type { ClientOptions } from '../options.ts';
import { ManualClock, settled, until } from './manual-clock.ts';
import { channelTag, ScriptedEdge } from './scripted-edge.ts';
import { publication, type ScriptedSocket, scriptedSockets } from './scripted-socket.ts';

const EPOCH = 'epoch-one';
export const at = (offset: number): Position => ({ epoch: EPOCH, offset });

/** Turns text into text, so that the tests can be read; `?` stands for what nobody can open. */
const plainCrypto: ChannelCrypto = {
  isPassThrough: true,
  agreementKey: { kty: 'EC' },
  createKey: async () => undefined,
  hasKey: () => true,
  seal: async (plaintext) => plaintext,
  open: async (ciphertext): Promise<Opened> =>
    ciphertext[0] === 63 ? { unreadable: 'altered' } : { plaintext: ciphertext },
  wrapKeyFor: async () => '',
  unwrapKey: async () => undefined,
};

export interface Rig {
  readonly clock: ManualClock;
  readonly edge: ScriptedEdge;
  readonly sockets: ScriptedSocket[];
  readonly client: Client;
  readonly states: string[];
  /** The newest socket. */
  socket(): ScriptedSocket;
  /** Waits for socket `n` (from 1), passing over pauses. */
  nth(n: number): Promise<ScriptedSocket>;
}

/** Begins to connect; nobody has answered on the socket yet. */
export async function begin(options: Partial<ClientOptions> = {}) {
  const clock = new ManualClock();
  const edge = new ScriptedEdge();
  const { sockets, openSocket } = scriptedSockets();
  const opening = connectAccount({
    edge: 'https://edge',
    fetch: edge.fetch,
    crypto: () => plainCrypto,
    clock,
    openSocket,
    ...options,
  });
  const nth = async (n: number) => {
    await until(() => sockets.length >= n, `socket ${n}`);
    const socket = sockets[n - 1];
    if (socket === undefined) throw new Error('Unreachable');
    return socket;
  };
  return { clock, edge, sockets, opening, nth };
}

/** A client that is online on `n1`. */
export async function setUp(options: Partial<ClientOptions> = {}): Promise<Rig> {
  const { clock, edge, sockets, opening, nth } = await begin(options);
  (await nth(1)).welcome();
  const client = await opening;
  const states: string[] = [];
  client.on('state', ({ state }) => states.push(state));
  const socket = () => {
    const newest = sockets.at(-1);
    if (newest === undefined) throw new Error('No socket was opened');
    return newest;
  };
  return { clock, edge, sockets, client, states, socket, nth };
}

/** Subscribes and lets the node answer. */
export async function subscribe({ client, socket }: Rig, name: string, position = at(0)): Promise<Channel> {
  const channel = client.channel(name);
  const subscribed = channel.subscribe();
  await answerSubscribe(socket(), position);
  await subscribed;
  return channel;
}

export async function answerSubscribe(socket: ScriptedSocket, position: Position): Promise<void> {
  const isNew = () => socket.sent.filter(({ type }) => type === 'subscribe').length > answered(socket);
  await until(isNew, 'a subscribe');
  answers.set(socket, answered(socket) + 1);
  const { ref, channels } = socket.last('subscribe');
  socket.say({ type: 'ok', ref, channels: channels.map(({ channel }) => ({ channel, position })) });
  await settled();
}

/** How many subscribes of a socket were answered. */
const answers = new WeakMap<ScriptedSocket, number>();
const answered = (socket: ScriptedSocket) => answers.get(socket) ?? 0;

/** Ends the connection, lets the pause pass and welcomes the next. */
export async function reconnect({ sockets, clock, nth, socket }: Rig, code = 1006): Promise<ScriptedSocket> {
  const next = sockets.length + 1;
  socket().end(code);
  await settled();
  await clock.advance(clock.nextMs ?? 0);
  const opened = await nth(next);
  opened.welcome('n2');
  await settled();
  return opened;
}

export function textsOf(channel: Channel): string[] {
  const texts: string[] = [];
  channel.on('message', (message) => texts.push(message.text()));
  return texts;
}

export const said = (name: string, offset: number, text: string) =>
  publication({ channel: channelTag(name), offset, data: toBase64Url(utf8(text)) });
