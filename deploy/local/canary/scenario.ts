/** Everything the service does, once, by people whose every trace is noted. */
import { generateSync } from 'otplib';
import { utf8 } from '../../../shared/bytes.ts';
import { memoryDeviceStore } from '../../../shared/client/device.ts';
import { type Client, connectAccount } from '../../../shared/client/hushwire.ts';
import { askToJoin } from '../../../shared/client/join.ts';
import type { Canaries } from './canaries.ts';
import { keepOrder, ORDER_TEXTS } from './order.ts';
import { createWire, type Place } from './wire.ts';

export interface ScenarioOptions {
  readonly edge: string;
  readonly canaries: Canaries;
  readonly say: (sentence: string) => void;
}

const PLACES: readonly Place[] = [
  { address: '203.0.113.71', userAgent: 'CanaryBrowser/71.3 (first person; unlike any other)' },
  { address: '198.51.100.82', userAgent: 'CanaryBrowser/82.4 (second person; unlike any other)' },
  { address: '2001:db8:ca:7a12:93::93', userAgent: 'CanaryBrowser/93.5 (third person; unlike any other)' },
];
const TEXTS = {
  message: 'canary plaintext of a message in a channel',
  ephemeral: 'canary plaintext of something ephemeral',
  mail: 'canary plaintext of an item in a mailbox',
  ...ORDER_TEXTS,
  search: 'canary-in-a-query-string-of-a-request',
};

/** Runs it, and leaves the sockets open: gives back how to end them. */
export async function runScenario({ edge, canaries, say }: ScenarioOptions): Promise<() => void> {
  for (const [what, text] of Object.entries(TEXTS)) canaries.text(`text: ${what}`, text);
  const open: Client[] = [];
  const connect = async (place: Place, options: object = {}): Promise<Client> => {
    const client = await connectAccount({ edge, ...createWire(place, canaries), ...options });
    open.push(client);
    note(client, canaries);
    return client;
  };
  const [one, two, three] = PLACES as [Place, Place, Place];
  const [ann, ben] = [await connect(one, { node: 'node-1' }), await connect(two, { node: 'node-2' })];
  const cleo = await connect(three, { through: 'edge' });
  say('three people, two nodes, one through the edge');
  const channelId = await talk([ann, ben, cleo], canaries);
  say('a channel: messages, something ephemeral, presence');
  await exchangeKeys(ann, ben, canaries);
  say('keys, mailboxes, a second device, the list of channels');
  await addDevice({ owner: ann, place: one, edge, canaries, connect });
  await enrolTotp(ben, canaries);
  say('a second factor');
  await keepOrder({ owner: ann, member: cleo, stranger: ben }, channelId);
  say('a report, a ban, a lift, an invitation, an open channel and its end, a block, ended sessions');
  await goWrong(edge, ann);
  say('calls that go wrong');
  return () => {
    for (const client of open) client.close();
  };
}

function note(client: Client, canaries: Canaries): void {
  canaries.text('user id', client.userId);
  canaries.text('device id', client.deviceId);
}

async function talk(
  [ann, ben, cleo]: readonly [Client, Client, Client],
  canaries: Canaries,
): Promise<string> {
  const channelId = await ann.createChannel();
  canaries.text('channel id', channelId);
  for (const other of [ben, cleo]) {
    await ann.addMember(channelId, other.userId);
    await other.acceptKey(channelId, await ann.shareKey(channelId, other.card.agreementKey));
  }
  const channels = [ann, ben, cleo].map((client) => client.channel(channelId));
  await Promise.all(channels.map((channel) => channel.subscribe()));
  const [inAnn] = channels;
  const heard = new Promise<void>((resolve) => channels[1]?.on('message', () => resolve()));
  await inAnn?.publish(TEXTS.message);
  await heard;
  await inAnn?.publishEphemeral(TEXTS.ephemeral);
  await inAnn?.presence.show();
  await ann.channelList.add(channelId);
  return channelId;
}

async function exchangeKeys(ann: Client, ben: Client, canaries: Canaries): Promise<void> {
  for (const [client, name] of [
    [ann, 'ann'],
    [ben, 'ben'],
  ] as const) {
    const identityKey = utf8(`canary identity key of ${name}`);
    canaries.bytes('identity key', identityKey);
    const showRecoveryKey = async (key: string) =>
      canaries.text('recovery key', key.replaceAll(/[^A-Za-z0-9]/g, ''));
    await client.keys.publish(identityKey, { showRecoveryKey });
    // Public, and of nobody's name: packages are what the store is there to hand out.
    await client.keys.upload([utf8('a key package, which is public')]);
  }
  await ann.keys.lookUp([ben.userId], { packages: true });
  await ann.mailbox.send(ben.userId, async () =>
    utf8(`sealed by the app, as the SDK wants it: ${'x'.repeat(40)}`),
  );
}

async function addDevice({
  owner,
  place,
  edge,
  canaries,
  connect,
}: {
  readonly owner: Client;
  readonly place: Place;
  readonly edge: string;
  readonly canaries: Canaries;
  readonly connect: (place: Place, options: object) => Promise<Client>;
}): Promise<void> {
  const store = memoryDeviceStore();
  const identityKey = utf8('canary identity key of a second device');
  canaries.bytes('identity key', identityKey);
  await owner.keys.addDevice(await askToJoin({ edge, userId: owner.userId, identityKey, store }));
  const second = await connect(place, { store });
  await owner.keys.removeDevice(second.deviceId);
}

async function enrolTotp(client: Client, canaries: Canaries): Promise<void> {
  const { secret } = await client.account.totp.enrol();
  canaries.text('TOTP secret', secret);
  const codes = await client.account.totp.confirm(generateSync({ secret }));
  for (const code of codes) {
    canaries.text('recovery code', code);
    canaries.text('recovery code, without dashes', code.replaceAll('-', ''));
  }
}

/** Failures are what is logged. */
async function goWrong(edge: string, { userId }: Client): Promise<void> {
  const json = { 'content-type': 'application/json' };
  const calls: readonly (readonly [path: string, init: RequestInit])[] = [
    [`/v1/nowhere?q=${TEXTS.search}&user=${userId}`, {}],
    [
      `/v1/channels/${userId}/bans?after=${TEXTS.search}`,
      { headers: { authorization: `Bearer ${TEXTS.search}` } },
    ],
    ['/v1/accounts', { method: 'POST', headers: json, body: `{"publicKey":"${TEXTS.search}"}` }],
    ['/v1/sessions', { method: 'POST', headers: json, body: `{"assertion":"${TEXTS.search}"` }],
    [
      '/v1/sessions',
      { method: 'POST', headers: { ...json, origin: `https://${TEXTS.search}.example` }, body: '{}' },
    ],
    ['/v1/socket', { headers: { 'sec-websocket-protocol': `hushwire.ticket.${TEXTS.search}` } }],
  ];
  for (const [path, init] of calls) await (await fetch(`${edge}${path}`, init)).arrayBuffer();
}
