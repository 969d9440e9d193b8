import * as assert from 'uvu/assert';
import { rejectsWith } from '../../shared/testing/expect.ts';
import { describe } from '../../shared/testing/suite.ts';
import { Slots } from './postgres-slots.ts';

describe('slots', ({ test }) => {
  test('give as many as there are, then hand each released one to who waited longest', async () => {
    const slots = new Slots({ max: 2, waitingMax: 10, waitMs: 1_000 });
    await Promise.all([slots.acquire(), slots.acquire()]);
    const order: string[] = [];
    const waiting = ['a', 'b'].map(async (name) => {
      await slots.acquire();
      order.push(name);
    });
    await Promise.resolve();
    assert.equal(order, []);
    slots.release();
    slots.release();
    await Promise.all(waiting);
    assert.equal(order, ['a', 'b']);
  });

  test('refuse at once who would wait beyond the bound', async () => {
    const slots = new Slots({ max: 1, waitingMax: 1, waitMs: 1_000 });
    await slots.acquire();
    const waiting = slots.acquire();
    await rejectsWith(slots.acquire(), 'unavailable');
    slots.release();
    await waiting;
  });

  test('refuse who waited too long, and do not lose the slot to them', async () => {
    const slots = new Slots({ max: 1, waitingMax: 10, waitMs: 10 });
    await slots.acquire();
    await rejectsWith(slots.acquire(), 'unavailable');
    slots.release();
    await slots.acquire();
  });
});
