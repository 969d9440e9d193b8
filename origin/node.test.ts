import * as assert from 'uvu/assert';
import { randomId } from '../shared/bytes.ts';
import { until } from '../shared/testing/expect.ts';
import { describe } from '../shared/testing/suite.ts';
import { createMemoryNode, RecordingSocket, tokenOf } from './test/memory-node.ts';

describe('a node lets in', ({ test }) => {
  test('as many connections at once as may be saved up, then its rate, and says how long to wait', async () => {
    let nowMs = 0;
    const limits = { connectionsPerSecond: 10, connectionsBurst: 3 };
    const { node } = await createMemoryNode({ limits, now: () => nowMs });
    for (let i = 0; i < 3; i += 1) assert.is(node.refusal(), undefined);
    const refused = node.refusal();
    assert.equal([refused?.code, refused?.retryAfterMs], ['too_many_requests', 100]);
    nowMs = 99;
    assert.is(node.refusal()?.retryAfterMs, 1);
    nowMs = 100;
    assert.is(node.refusal(), undefined);
  });

  test('no more that are not admitted yet than the limit', async () => {
    const admitted: (() => void)[] = [];
    const redeem = () => new Promise<boolean>((resolve) => void admitted.push(() => resolve(true)));
    const { node } = await createMemoryNode({ limits: { admittingConnections: 2 }, redeem });
    const sockets = [new RecordingSocket(), new RecordingSocket()];
    for (const socket of sockets) {
      assert.is(node.refusal(), undefined);
      node.accept(socket).start(ticket());
    }
    const refused = node.refusal();
    assert.equal([refused?.code, refused?.retryAfterMs], ['too_many_requests', 1_000]);
    await until(() => admitted.length === 2, { what: 'both redemptions' });
    admitted[0]?.();
    await until(() => sockets[0]?.sent.length === 1, { what: 'a welcome' });
    assert.is(node.refusal(), undefined);
  });
});

function ticket(): string {
  return tokenOf('ticket', { jti: randomId(), session: randomId(), device: randomId(), mailbox: randomId() });
}
