import * as assert from 'uvu/assert';
import { randomId } from '../shared/bytes.ts';
import { describe } from '../shared/testing/suite.ts';
import { createRecords, type MemberRecord } from './records.ts';
import { createSealer } from './seal.ts';
import { Secret } from './secret.ts';
import { createDevice } from './test/device.ts';

const BOUND = { tags: ['channel-tag', 'member-tag'], version: 1 };

describe('Records', ({ test }) => {
  test('come back as they were', async () => {
    const records = await createTestRecords();
    const record = member('owner');
    assert.equal(await records.open('member', BOUND, await records.seal('member', BOUND, record)), record);
  });

  test('do not open in another table or under other tags', async () => {
    const records = await createTestRecords();
    const sealed = await records.seal('member', BOUND, member('owner'));
    assert.is(await records.open('channel', BOUND, sealed), undefined);
    assert.is(await records.open('member', { ...BOUND, tags: ['channel-tag', 'other'] }, sealed), undefined);
    assert.is(await records.open('member', { ...BOUND, version: 2 }, sealed), undefined);
  });

  test('have one size, whatever the role or the algorithm', async () => {
    const records = await createTestRecords();
    const sizes = new Set<number>();
    for (const role of ['owner', 'member'] as const)
      sizes.add((await records.seal('member', BOUND, member(role))).length);
    for (const algorithm of ['ES256', 'Ed25519'] as const) {
      const { deviceId, publicKey } = await createDevice(algorithm);
      const record = { userId: randomId(), deviceId, publicKey: publicKey as never };
      sizes.add((await records.seal('device', BOUND, record)).length);
    }
    assert.is(sizes.size, 1);
  });
});

async function createTestRecords() {
  return createRecords(await createSealer([{ version: 1, bytes: new Secret(new Uint8Array(32)) }]));
}

function member(role: MemberRecord['role']): MemberRecord {
  return { channelId: randomId(), userId: randomId(), role, generation: 1 };
}
