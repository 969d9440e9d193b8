import * as assert from 'uvu/assert';
import { randomId } from '../../shared/bytes.ts';
import { describe } from '../../shared/testing/suite.ts';
import type { SignedIn } from './client.ts';
import { createHarness, type Harness } from './harness.ts';
import { joinWithKeys, lookUp } from './key-owner.ts';

describe('POST /v1/mailboxes/items', ({ test, beforeEach }) => {
  let edge: Harness;
  let backend: SignedIn;
  let grants: string;
  let mailbox: string;
  beforeEach(async () => {
    edge = await createHarness();
    const reader = await joinWithKeys(edge.client);
    backend = await edge.client.join();
    const { json } = await lookUp(edge.client, backend, [reader.userId], false);
    grants = json.grants as string;
    mailbox = json.users[0].devices[0].mailbox as string;
    edge.trips.reset();
  });
  const item = (over: object = {}) => ({ mailbox, id: randomId(), data: 'c2VhbGVk', ...over });
  const send = (body: object, { token }: SignedIn = backend) =>
    edge.client.call('/v1/mailboxes/items', { token, body });

  test('queues under the sender of the day, in two trips', async () => {
    const [first, second] = [item(), item()];
    const { status, json } = await send({ grants, items: [first, second] });
    assert.equal([status, json], [200, { items: [{ mailbox }, { mailbox }] }]);
    assert.is(edge.trips.turns, 2);
    const senders = new Set(edge.origin.mailed.map(({ sender }) => sender));
    assert.equal([edge.origin.mailed.map(({ id }) => id), senders.size], [[first.id, second.id], 1]);
    assert.not(JSON.stringify(edge.origin.mailed).includes(backend.userId));
  });

  test('queues nothing without the right to every mailbox', async () => {
    const { status, json } = await send({ grants, items: [item(), item({ mailbox: randomId() })] });
    assert.equal([status, json.code], [403, 'grant_required']);
    assert.is(edge.origin.mailed.length, 0);
  });

  test("takes no other session's grants, no forged ones and none whose time is over", async () => {
    const other = await edge.client.join();
    const [head, body, signature] = grants.split('.') as [string, string, string];
    const forged = `${head}.${body}.${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`;
    assert.is((await send({ grants, items: [item()] }, other)).json.code, 'grant_refused');
    assert.is((await send({ grants: forged, items: [item()] })).json.code, 'grant_refused');
    assert.is((await send({ grants: backend.token, items: [item()] })).json.code, 'grant_refused');
    edge.clock.advance(10 * 60_000 + 61_000);
    const { json } = await send({ grants, items: [item()] }, { ...backend, ...(await renewed()) });
    assert.is(json.code, 'grant_expired');
    assert.is(edge.origin.mailed.length, 0);
  });

  test('is for live sessions only', async () => {
    await edge.client.call('/v1/sessions/current', { method: 'DELETE', token: backend.token });
    assert.is((await send({ grants, items: [item()] })).json.code, 'session_ended');
    assert.is(edge.origin.mailed.length, 0);
  });

  test('has a budget of its own', async () => {
    for (let i = 0; i < 200; i += 1)
      assert.is((await send({ grants, items: [item()] })).status, 200, String(i));
  });

  test('refuses what is no mail', async () => {
    for (const body of [
      { items: [item()] },
      { grants, items: [] },
      { grants, items: Array.from({ length: 101 }, () => item()) },
      { grants, items: [item({ id: 'short' })] },
      { grants, items: [item({ data: 'in clear!' })] },
      { grants, items: [item({ mailbox: 'x' })] },
      { grants, items: [item({ to: 'you' })] },
      { grants: 'none', items: [item()] },
      { grants, items: [item()], more: 1 },
    ])
      assert.is((await send(body)).json.code, 'bad_request', JSON.stringify(body).slice(0, 60));
  });

  const renewed = async () => ({ token: (await edge.client.renew(backend)).json.accessToken as string });
});
