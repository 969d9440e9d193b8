import * as assert from 'uvu/assert';
import { Failure } from '../shared/failure.ts';
import type { Tag } from '../shared/frame.ts';
import { rejectsWith } from '../shared/testing/expect.ts';
import { describe } from '../shared/testing/suite.ts';
import { ORIGIN_VARIABLES } from './config.ts';
import type { ControlListener, RevocationPage } from './ports.ts';
import { REVOCATION_LIFE_MS, Revocations, silenceLimitMs } from './revocations.ts';

const REREAD_MS = 30_000;

/** Revocations over a list of tags and a relay of which everything is recorded. */
function createRig() {
  const rig = {
    nowMs: 1_000_000,
    /** What the store holds; a page has two. */
    stored: [] as Tag[],
    isStoreDown: false,
    isRelayDown: false,
    /** How long the relay has given no sign of itself. */
    silentMs: 0,
    reads: [] as number[],
    hinted: [] as Tag[],
    ended: [] as Tag[],
    logged: [] as string[],
    listener: undefined as ControlListener | undefined,
    timer: undefined as (() => void) | undefined,
  };
  const read = async (after: number): Promise<RevocationPage> => {
    rig.reads.push(after);
    if (rig.isStoreDown) throw new Failure('unavailable');
    const head = rig.stored.length;
    const tags = rig.stored.slice(after, after + 2);
    const isWhole = after + 2 >= head;
    return { tags, head, isWhole, last: isWhole ? head : after + 2 };
  };
  const revocations = new Revocations({
    records: { readRevocations: read },
    control: {
      hint: async (tags) => {
        if (rig.isRelayDown) throw new Failure('unavailable');
        rig.hinted.push(...tags);
      },
      listen: async (listener) => {
        rig.listener = listener;
      },
      silentMs: () => rig.silentMs,
    },
    rereadMs: REREAD_MS,
    now: () => rig.nowMs,
    log: (_level, event) => void rig.logged.push(event),
    setTimer: (run, ms) => {
      assert.is(ms, REREAD_MS);
      rig.timer = run;
      return () => {
        rig.timer = undefined;
      };
    },
  });
  const start = () => revocations.start((tags) => void rig.ended.push(...tags));
  /** Lets the timer run out, and what it started end. */
  const tick = async () => {
    rig.nowMs += REREAD_MS;
    rig.timer?.();
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { rig, revocations, start, tick };
}

describe('revocations', ({ test }) => {
  test('are all loaded, page by page, before the node may start', async () => {
    const { rig, revocations, start } = createRig();
    rig.stored = ['a', 'b', 'c', 'd', 'e'];
    await start();
    assert.equal(rig.reads, [0, 2, 4]);
    assert.ok(revocations.has('x', 'e'));
    assert.not(revocations.has('x', 'y'));
  });

  test('keep a node from starting while they cannot be read', async () => {
    const { rig, start } = createRig();
    rig.isStoreDown = true;
    await rejectsWith(start(), 'unavailable');
  });

  test('are noticed by a hint at once', async () => {
    const { rig, revocations, start } = createRig();
    await start();
    rig.listener?.onHint(['a', 'b'], rig.nowMs - 25);
    assert.equal(rig.ended, ['a', 'b']);
    assert.is(revocations.lagMs, 25);
    assert.ok(revocations.has('a'));
  });

  test('are noticed without a hint by the next reading, which goes on where the last one ended', async () => {
    const { rig, start, tick } = createRig();
    rig.stored = ['a'];
    await start();
    rig.stored.push('b', 'c', 'd');
    await tick();
    assert.equal(rig.reads, [0, 1, 3]);
    assert.equal(rig.ended, ['a', 'b', 'c', 'd']);
  });

  test('are read at once when hints may have been missed', async () => {
    const { rig, start } = createRig();
    await start();
    rig.stored.push('a');
    rig.listener?.onInterrupted();
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(rig.ended, ['a']);
  });

  test('that this node wrote end here at once and are hinted to the others, relay or not', async () => {
    const { rig, revocations, start } = createRig();
    await start();
    revocations.announce(['a']);
    rig.isRelayDown = true;
    revocations.announce(['b']);
    revocations.announce([]);
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(rig.ended, ['a', 'b']);
    assert.equal(rig.hinted, ['a']);
    assert.equal(rig.logged, ['revocations.hint_failed']);
  });

  test('are read again after a failure', async () => {
    const { rig, start, tick } = createRig();
    await start();
    rig.stored.push('a');
    rig.isStoreDown = true;
    await tick();
    assert.equal([rig.ended, rig.logged], [[], ['revocations.read_failed']]);
    rig.isStoreDown = false;
    await tick();
    assert.equal(rig.ended, ['a']);
  });

  test('are read from the beginning when the store was put back to an earlier day', async () => {
    const { rig, start, tick } = createRig();
    rig.stored = ['a', 'b', 'c'];
    await start();
    rig.stored = ['z'];
    await tick();
    assert.ok(rig.ended.includes('z'));
  });

  test('are forgotten when nothing from before can be good any more, and not before', async () => {
    const { rig, revocations, start, tick } = createRig();
    await start();
    rig.listener?.onHint(['a']);
    rig.nowMs += REVOCATION_LIFE_MS - REREAD_MS - 1;
    rig.listener?.onHint(['b']);
    await tick();
    assert.ok(revocations.has('a'));
    await tick();
    assert.not(revocations.has('a'));
    assert.ok(revocations.has('b'));
    assert.is(revocations.size, 1);
  });

  test('are unknown to a node that has heard from neither relay nor store for a minute, and from then on', async () => {
    const { rig, revocations, start, tick } = createRig();
    await start();
    rig.isStoreDown = true;
    rig.silentMs = REREAD_MS;
    await tick();
    assert.not(revocations.isSilent());
    rig.silentMs = 2 * REREAD_MS - 1;
    await tick();
    assert.not(revocations.isSilent());
    rig.silentMs += 1;
    assert.ok(revocations.isSilent());
    rig.isStoreDown = false;
    await tick();
    assert.not(revocations.isSilent());
  });

  test('are known as long as the relay brings every hint, but not after one may have been missed', async () => {
    const { rig, revocations, start, tick } = createRig();
    await start();
    rig.isStoreDown = true;
    for (let i = 0; i < 5; i += 1) await tick();
    assert.not(revocations.isSilent());
    rig.listener?.onInterrupted();
    await new Promise((resolve) => setImmediate(resolve));
    assert.ok(revocations.isSilent());
    rig.isStoreDown = false;
    await tick();
    assert.not(revocations.isSilent());
  });

  test('stay unknown while a relay that came back brings hints, until the store was read to its end', async () => {
    const { rig, revocations, start, tick } = createRig();
    await start();
    rig.isStoreDown = true;
    rig.silentMs = 2 * REREAD_MS;
    await tick();
    await tick();
    assert.ok(revocations.isSilent());
    rig.silentMs = 0;
    assert.ok(revocations.isSilent(), 'before it says that it was interrupted');
    rig.listener?.onInterrupted();
    assert.ok(revocations.isSilent(), 'while the store is being read');
    await new Promise((resolve) => setImmediate(resolve));
    assert.ok(revocations.isSilent(), 'after that failed');
    rig.isStoreDown = false;
    await tick();
    assert.not(revocations.isSilent());
  });

  test('are noticed within a minute with whatever a node may be configured to', () => {
    const { parse } = ORIGIN_VARIABLES.revocationReadSeconds;
    const slowestMs = parse('30') * 1_000;
    assert.throws(() => parse('31'));
    assert.ok(slowestMs < 60_000);
    assert.is(silenceLimitMs(slowestMs), 60_000);
  });

  test('end nobody any more once stopped', async () => {
    const { rig, revocations, start } = createRig();
    await start();
    revocations.stop();
    assert.is(rig.timer, undefined);
    rig.listener?.onHint(['a']);
    assert.equal(rig.ended, []);
  });
});
