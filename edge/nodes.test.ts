import * as assert from 'uvu/assert';
import { randomId } from '../shared/bytes.ts';
import { rejectsWith, throwsWith } from '../shared/testing/expect.ts';
import { describe } from '../shared/testing/suite.ts';
import { createNodes, rankNodes } from './nodes.ts';
import { NODES, TestClock } from './test/harness.ts';
import { createMemoryOrigin } from './test/memory-origin.ts';

describe('Nodes', ({ test }) => {
  test('are asked for once in 5 s', async () => {
    const { origin, clock, nodes } = setUp();
    await nodes.list('r1');
    clock.advance(4_999);
    await nodes.list('r2');
    assert.equal(origin.requestIds, ['r1']);
    clock.advance(1);
    await nodes.list('r3');
    assert.equal(origin.requestIds, ['r1', 'r3']);
  });

  test('are asked for once by requests that come together', async () => {
    const { origin, nodes } = setUp();
    await Promise.all([nodes.list('r1'), nodes.list('r2'), nodes.list('r3')]);
    assert.equal(origin.requestIds, ['r1']);
  });

  test('are asked for again after a failure', async () => {
    const { origin, nodes } = setUp();
    origin.setDown(true);
    await rejectsWith(nodes.list('r1'), 'unavailable');
    origin.setDown(false);
    assert.is((await nodes.list('r2')).length, 3);
  });

  test('are not served from an old list when the origin is away', async () => {
    const { origin, clock, nodes } = setUp();
    await nodes.list('r1');
    origin.setDown(true);
    clock.advance(5_000);
    await rejectsWith(nodes.list('r2'), 'unavailable');
  });
});

describe('rankNodes', ({ test }) => {
  test('leaves out draining nodes', () => {
    const nodes = NODES.map((node) => ({ ...node, isDraining: node.node === 'n2' }));
    assert.equal(
      rankNodes(nodes, 'key')
        .map(({ node }) => node)
        .sort(),
      ['n1', 'n3'],
    );
  });

  test('answers unavailable when no node takes connections', () => {
    throwsWith(() => rankNodes([], 'key'), 'unavailable');
    throwsWith(
      () =>
        rankNodes(
          NODES.map((node) => ({ ...node, isDraining: true })),
          'key',
        ),
      'unavailable',
    );
  });

  test('does not depend on the order of the list', () => {
    assert.equal(rankNodes(NODES, 'key'), rankNodes([...NODES].reverse(), 'key'));
  });

  test('spreads keys evenly, and moves only those of a node that left', () => {
    const keys = Array.from({ length: 3_000 }, () => randomId());
    const before = keys.map((key) => rankNodes(NODES, key)[0]?.node);
    for (const { node } of NODES) {
      const share = before.filter((first) => first === node).length;
      assert.ok(share > 850 && share < 1_150, `${node} got ${share} of 3,000`);
    }
    const after = keys.map((key) => rankNodes(NODES.slice(1), key)[0]?.node);
    assert.ok(keys.every((_, i) => before[i] === 'n1' || before[i] === after[i]));
  });

  test('sends keys where there is room: a node half full gets half as many', () => {
    const keys = Array.from({ length: 5_000 }, () => randomId());
    const nodes = NODES.map((node) => ({ ...node, fullness: node.node === 'n1' ? 0.5 : 0 }));
    const first = keys.map((key) => rankNodes(nodes, key)[0]?.node);
    const got = first.filter((node) => node === 'n1').length;
    assert.ok(got > 850 && got < 1_150, `the half full one got ${got} of 5,000`);
    const moved = keys.filter((key, i) => rankNodes(NODES, key)[0]?.node !== first[i]);
    assert.ok(
      moved.every((key) => rankNodes(NODES, key)[0]?.node === 'n1'),
      'a key moved that was not on the fuller node',
    );
  });

  test('offers a full node last, and still offers it', () => {
    const nodes = NODES.map((node) => ({ ...node, fullness: node.node === 'n1' ? 1 : 0 }));
    const keys = Array.from({ length: 2_000 }, () => randomId());
    const got = keys.filter((key) => rankNodes(nodes, key)[0]?.node === 'n1').length;
    assert.ok(got < 60, `the full one got ${got} of 2,000`);
    assert.is(rankNodes(nodes, 'key').length, 3);
  });
});

function setUp() {
  const origin = createMemoryOrigin();
  origin.nodeList = [...NODES];
  const clock = new TestClock();
  return { origin, clock, nodes: createNodes({ origin, clock }) };
}
