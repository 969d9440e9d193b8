import * as assert from 'uvu/assert';
import { randomId } from '../../shared/bytes.ts';
import { openNodeSocket } from '../../shared/client/adapters/node-socket.ts';
import { createCrypto } from '../../shared/client/crypto-default.ts';
import { loadDevice, memoryDeviceStore } from '../../shared/client/device.ts';
import { type Client, connectAccount } from '../../shared/client/hushwire.ts';
import { until } from '../../shared/testing/expect.ts';
import { describe } from '../../shared/testing/suite.ts';
import { type Stack, startStack } from '../local/stack.ts';

describe('a service account beside people, over real stores', ({ test, before, after }) => {
  const keys = new Map<string, Uint8Array<ArrayBuffer>>();
  let stack: Stack;
  let owner: Client;
  let reader: Client;
  let backend: Client;
  let token: string;
  before(async () => {
    stack = await startStack();
    const connect = (options: object) =>
      connectAccount({
        edge: stack.edgeUrl,
        openSocket: openNodeSocket,
        crypto: (device) => createCrypto(device, keys),
        ...options,
      });
    // Its token as a backend in another language would have it: from its own sign-in.
    const listening: typeof fetch = async (input, init) => {
      const header = new Headers(init?.headers).get('authorization');
      token = header?.replace('Bearer ', '') ?? token;
      return fetch(input, init);
    };
    [owner, reader] = await Promise.all([connect({ node: 'node-1' }), connect({ node: 'node-2' })]);
    backend = await connect({ fetch: listening });
  });
  after(async () => {
    for (const client of [owner, reader, backend]) client?.close();
    await stack?.stop();
  });

  test('publishes by HTTP what readers on every node get, once, and counts who is there', async () => {
    const channelId = await owner.createChannel();
    for (const { userId } of [reader, backend]) await owner.addMember(channelId, userId);
    await owner.moderation(channelId).setRole(backend.userId, 'service');
    const heard: [Client, string][] = [];
    for (const client of [owner, reader]) {
      const channel = client.channel(channelId);
      channel.on('message', (message) => void heard.push([client, message.text()]));
      await channel.subscribe();
      await channel.presence.show();
    }
    const context = { channelId, messageId: randomId() };
    const crypto = createCrypto(await loadDevice(memoryDeviceStore()), keys);
    const sealed = await crypto.seal(new TextEncoder().encode('from the backend'), context);
    const body = { id: context.messageId, data: Buffer.from(sealed).toString('base64url') };
    const url = `${stack.edgeUrl}/v1/channels/${channelId}`;
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const publish = () => fetch(`${url}/messages`, { method: 'POST', headers, body: JSON.stringify(body) });
    const [first, second] = [await publish(), await publish()];
    assert.equal([first.status, second.status], [201, 201]);
    const { position } = (await first.json()) as { position: { offset: number } };
    assert.equal(await second.json(), { position, duplicate: true });
    await until(() => heard.length >= 2, { what: 'both readers' });
    assert.equal(
      heard.map(([, text]) => text),
      ['from the backend', 'from the backend'],
    );
    assert.equal(await (await fetch(`${url}/presence`, { headers })).json(), { present: 2 });
  });

  test('puts mail by HTTP into every mailbox of somebody it looked up, once', async () => {
    await reader.keys.publish(new TextEncoder().encode('identity'));
    const mail: string[] = [];
    reader.mailbox.receive(({ ciphertext }) => void mail.push(new TextDecoder().decode(ciphertext)));
    const post = async (path: string, body: object) => {
      const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
      const answer = await fetch(`${stack.edgeUrl}${path}`, {
        method: 'POST',
        headers,
        body: JSON.stringify(body),
      });
      return { status: answer.status, json: (await answer.json()) as Record<string, unknown> };
    };
    const { json } = await post('/v1/keys/lookup', { users: [reader.userId], packages: false });
    const { grants, users } = json as { grants: string; users: { devices: { mailbox: string }[] }[] };
    const mailbox = users[0]?.devices[0]?.mailbox ?? '';
    const item = (text: string) => ({
      mailbox,
      id: randomId(),
      data: Buffer.from(text).toString('base64url'),
    });
    const first = item('your parcel is here');
    for (const items of [[first], [first, item('and another')]]) {
      const sent = await post('/v1/mailboxes/items', { grants, items });
      assert.equal([sent.status, sent.json], [200, { items: items.map(() => ({ mailbox })) }]);
    }
    await until(() => mail.length >= 2, { what: 'both items' });
    assert.equal(mail, ['your parcel is here', 'and another']);
  });
}, 60_000);
