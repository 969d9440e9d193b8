/** A page's life and its successor's: what the first published and never saw answered is sent by the second. */
import { claimDevice, indexedStores } from '../../../shared/client/adapters/indexed-stores.ts';
import { type Client, connectAccount } from '../../../shared/client/hushwire.ts';
import { createAccount } from '../../../shared/client/mls/messenger.ts';
import { type OpenSocket, openWebSocket } from '../../../shared/client/socket.ts';
import { exerciseOutbox, type Loads } from '../../../shared/client/test/outbox-contract.ts';

/** How the store itself behaves in this browser. */
export function exercise(): Promise<Loads> {
  return exerciseOutbox(() => indexedStores('exercise').outbox);
}

/** Claims the device, and signs in with it: what a tab does. */
export async function tab(edge: string, { isPatient }: { readonly isPatient: boolean }): Promise<string> {
  const release = await claimDevice('tabs', { isPatient });
  if (release === undefined) return 'another tab has it';
  const client = await connectAccount({ edge, ...indexedStores('tabs') });
  return client.userId;
}

/** Two lives of an account whose groups, keys and known logs are in IndexedDB; gives back what the second one knows. */
export async function returns(edge: string): Promise<{ readonly isSame: boolean; readonly heard: string }> {
  const options = { edge, keyPackages: 2, ...indexedStores('returns') };
  const peer = await createAccount({ edge, keyPackages: 2 });
  const first = await createAccount(options);
  const { userId } = first;
  const { channelId } = await first.channels.create([peer.userId]);
  first.close();
  const inPeer = await peer.channels.join(channelId);
  const again = await createAccount(options);
  const [known] = await again.channels.list();
  const channel = await again.channels.join(known ?? '');
  await inPeer.send('while away');
  const { value } = await channel.messages().next();
  for (const { client } of [peer, again]) client.close();
  return { isSame: again.userId === userId && known === channelId, heard: value?.text() };
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
  const kept = async () => (await indexedStores().outbox.load()).length;
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
  while ((await indexedStores().outbox.load()).length > 0) await pause();
  const { offset } = channel.position ?? { offset: 0 };
  client.close();
  return { offsets, offset };
}

function connect(edge: string, openSocket: OpenSocket): Promise<Client> {
  return connectAccount({ edge, openSocket, ...indexedStores() });
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

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 10));
}
