import * as assert from 'uvu/assert';
import { LIMITS } from '../../shared/limits.ts';
import { describe } from '../../shared/testing/suite.ts';
import { addDevice } from './added-device.ts';
import type { Answer, SignedIn } from './client.ts';
import { createHarness, type Harness } from './harness.ts';

describe('The channel list', ({ test, beforeEach }) => {
  let edge: Harness;
  let alice: SignedIn;
  beforeEach(async () => {
    edge = await createHarness();
    alice = await edge.client.join();
  });
  const read = ({ token }: SignedIn): Promise<Answer> => edge.client.call('/v1/channel-list', { token });
  const write = ({ token }: SignedIn, body: object): Promise<Answer> =>
    edge.client.call('/v1/channel-list', { method: 'PUT', token, body });

  test('is empty at first, and what any device of the account wrote last', async () => {
    assert.equal((await read(alice)).json, { version: 0 });
    assert.equal((await write(alice, { version: 1, data: 'AAAA' })).json, { version: 1 });
    const laptop = await edge.client.signIn(await addDevice(edge.client, alice));
    assert.equal((await read(laptop)).json, { version: 1, data: 'AAAA' });
    assert.is((await write(laptop, { version: 2, data: 'BBBB' })).status, 200);
    assert.equal((await read(alice)).json, { version: 2, data: 'BBBB' });
    assert.equal((await read(await edge.client.join())).json, { version: 0 });
  });

  test('takes one trip to write, and one to read', async () => {
    edge.trips.reset();
    await write(alice, { version: 1, data: 'AAAA' });
    assert.equal([edge.trips.calls, edge.trips.turns], [['origin.writeList'], 1]);
    edge.trips.reset();
    await read(alice);
    assert.ok(edge.trips.turns <= 2);
    edge.trips.reset();
    await read(alice);
    assert.equal([...edge.trips.calls].sort(), ['origin.readList', 'state.look']);
    assert.is(edge.trips.turns, 1);
  });

  test('is never overwritten unseen, and a repeat is harmless', async () => {
    await write(alice, { version: 1, data: 'AAAA' });
    assert.is((await write(alice, { version: 1, data: 'AAAA' })).status, 200);
    for (const body of [
      { version: 1, data: 'BBBB' },
      { version: 3, data: 'BBBB' },
    ])
      assert.is((await write(alice, body)).json.code, 'conflict');
    assert.equal((await read(alice)).json, { version: 1, data: 'AAAA' });
  });

  test('takes 64 KiB, and no byte more', async () => {
    const largest = 'A'.repeat(LIMITS.dataChars);
    assert.is((await write(alice, { version: 1, data: largest })).status, 200);
    assert.is((await read(alice)).json.data.length, LIMITS.dataChars);
    assert.is((await write(alice, { version: 2, data: `${largest}A` })).json.code, 'bad_request');
    const far = await write(alice, { version: 2, data: 'A'.repeat(LIMITS.dataChars + 2_000) });
    assert.is(far.json.code, 'payload_too_large');
  });

  test('refuses versions and data of another shape', async () => {
    for (const body of [
      { version: 0, data: 'AAAA' },
      { version: 1.5, data: 'AAAA' },
      { version: 2 ** 31, data: 'AAAA' },
      { version: 1 },
      { version: 1, data: '' },
      { version: 1, data: 'A' },
      { version: 1, data: 'AA==' },
      { version: 1, data: 'AAAA', more: 1 },
    ])
      assert.is((await write(alice, body)).json.code, 'bad_request');
    assert.equal((await read(alice)).json, { version: 0 });
  });

  test('is for sessions that live, and goes with the account', async () => {
    await write(alice, { version: 1, data: 'AAAA' });
    const laptop = await edge.client.signIn(alice);
    const path = `/v1/sessions/${laptop.sessionId}`;
    await edge.client.call(path, { method: 'DELETE', token: alice.token });
    assert.is((await read(laptop)).json.code, 'session_ended');
    assert.is((await write(laptop, { version: 2, data: 'BBBB' })).json.code, 'session_ended');
    assert.is((await edge.client.call('/v1/channel-list')).json.code, 'token_refused');
  });

  test('is unavailable while the origin is, and nothing is half-written', async () => {
    edge.origin.setDown(true);
    assert.is((await write(alice, { version: 1, data: 'AAAA' })).json.code, 'unavailable');
    assert.is((await read(alice)).json.code, 'unavailable');
    edge.origin.setDown(false);
    assert.equal((await read(alice)).json, { version: 0 });
  });
});
