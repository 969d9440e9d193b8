/** A page's life and its successor's: what the first published and never saw answered is sent by the second. */
import { openDB } from 'idb';
import { indexedOutbox } from '../../../shared/client/adapters/indexed-outbox.ts';
import type { DeviceStore, StoredDevice } from '../../../shared/client/device.ts';
import { type Client, connectAccount } from '../../../shared/client/hushwire.ts';
import { type OpenSocket, openWebSocket } from '../../../shared/client/socket.ts';
import { exerciseOutbox, type Loads } from '../../../shared/client/test/outbox-contract.ts';

/** How the store itself behaves in this browser. */
export function exercise(): Promise<Loads> {
  return exerciseOutbox(() => indexedOutbox('exercise'));
}

/** Publishes, with the node's answers to that held back, and gives back the channel; the page is left as it is. */
export async function leave(edge: string, texts: readonly string[]): Promise<string> {
  const sockets = muteableSockets();
  const client = await connect(edge, sockets.open);
  const channelId = await client.createChannel();
  const channel = client.channel(channelId);
  await channel.subscribe();
  await channel.publish('answered');
  sockets.mute();
  for (const text of texts) channel.publish(text).catch(() => undefined);
  const kept = async () => (await indexedOutbox().load()).length;
  while ((await kept()) < texts.length || sockets.published() < texts.length + 1) await pause();
  return channelId;
}

/** Sends what was left; gives back what became of it, and how many messages the channel's log holds. */
export async function resume(edge: string, channelId: string, count: number) {
  const client = await connect(edge, openWebSocket);
  const offsets: number[] = [];
  const all = new Promise<void>((resolve) => {
    client.on('resent', (outcome) => {
      offsets.push('position' in outcome ? outcome.position.offset : -1);
      if (offsets.length === count) resolve();
    });
  });
  const channel = client.channel(channelId);
  await channel.subscribe();
  await all;
  while ((await indexedOutbox().load()).length > 0) await pause();
  const { offset } = channel.position ?? { offset: 0 };
  client.close();
  return { offsets, offset };
}

function connect(edge: string, openSocket: OpenSocket): Promise<Client> {
  return connectAccount({ edge, openSocket, store: indexedDevice(), outbox: indexedOutbox() });
}

/** Sockets that can be made deaf, and count what was published. */
function muteableSockets() {
  let isMuted = false;
  let published = 0;
  const open: OpenSocket = (url, protocols, events) => {
    const received = (text: string | undefined) => (isMuted ? undefined : events.received(text));
    const socket = openWebSocket(url, protocols, { ...events, received });
    const send = (text: string) => {
      published += Number(text.includes('"publish"'));
      socket.send(text);
    };
    const { bufferedBytes, close, destroy } = socket;
    return { send, bufferedBytes, close, destroy };
  };
  const mute = () => {
    isMuted = true;
  };
  return { open, mute, published: () => published };
}

function indexedDevice(): DeviceStore {
  const database = openDB('device', 1, { upgrade: (db) => void db.createObjectStore('device') });
  return {
    holdsKeyObjects: true,
    load: async () => (await database).get('device', 'this') as Promise<StoredDevice | undefined>, // As it was put.
    save: async (device) => void (await (await database).put('device', device, 'this')),
  };
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 10));
}
