import * as assert from 'uvu/assert';
import type { FailureCode } from '../shared/failures.ts';
import type { MovedFrame } from '../shared/frame.ts';
import { describe } from '../shared/testing/suite.ts';
import { Drain, type DrainTimes, type Movable, paceOf } from './drain.ts';

const OTHER = { node: 'n2', url: 'wss://n2.example', connections: 0, isDraining: false };

class Rig {
  nowMs = 1_000_000;
  /** How far the clock goes on each time it is read. */
  stepMs = 0;
  others = [OTHER];
  readonly connections = new Set<FakeConnection>();
  readonly events: string[] = [];
  readonly drain: Drain;
  #timers: { atMs: number; run: () => void }[] = [];

  constructor(count: number, times: Partial<DrainTimes> = {}) {
    for (let i = 0; i < count; i += 1) this.connections.add(new FakeConnection(this));
    this.drain = new Drain({
      times: { leadMs: 0, windowMs: 120_000, capMs: 240_000, ...times },
      connections: this.connections,
      others: async () => this.others,
      stopListening: () => this.events.push(`stopped listening at ${this.nowMs - 1_000_000}`),
      now: () => {
        this.nowMs += this.stepMs;
        return this.nowMs;
      },
      setTimer: (run, ms) => {
        const timer = { atMs: this.nowMs + ms, run };
        this.#timers.push(timer);
        return () => {
          this.#timers = this.#timers.filter((other) => other !== timer);
        };
      },
    });
  }

  /** Lets time pass and runs what falls due, and what follows from it. */
  async advance(ms: number): Promise<void> {
    const endMs = this.nowMs + ms;
    for (;;) {
      for (let i = 0; i < 20; i += 1) await Promise.resolve();
      const due = this.#timers.filter(({ atMs }) => atMs <= endMs).sort((a, b) => a.atMs - b.atMs)[0];
      if (due === undefined) break;
      this.#timers = this.#timers.filter((timer) => timer !== due);
      this.nowMs = due.atMs;
      due.run();
    }
    this.nowMs = endMs;
  }

  delays(): number[] {
    return [...this.connections].flatMap(({ moved }) => (moved === undefined ? [] : [moved.afterMs]));
  }
}

class FakeConnection implements Movable {
  isOpen = true;
  moved: MovedFrame | undefined;
  closedWith: FailureCode | undefined;
  readonly #rig: Rig;

  constructor(rig: Rig) {
    this.#rig = rig;
  }

  send(frame: MovedFrame): void {
    assert.is(this.moved, undefined, 'told twice');
    this.moved = frame;
  }

  close(code: FailureCode): void {
    this.closedWith = code;
    this.#rig.connections.delete(this);
  }

  leave(): void {
    this.#rig.connections.delete(this);
  }
}

describe('drain', ({ test }) => {
  test('goes on accepting for its lead, and then tells everybody where to go and when', async () => {
    const rig = new Rig(3, { leadMs: 700 });
    const running = rig.drain.run();
    await rig.advance(699);
    assert.equal([rig.events, rig.delays()], [[], []]);
    await rig.advance(1);
    assert.equal(rig.events, ['stopped listening at 700']);
    assert.equal(rig.delays(), [0, 20, 40]);
    const [first] = rig.connections;
    assert.equal(first?.moved?.origins, [{ node: 'n2', url: 'wss://n2.example/v1/socket' }]);
    for (const connection of [...rig.connections]) connection.leave();
    await rig.advance(250);
    await running;
  });

  test('spreads connections over its window, at 50 to 500 a second', () => {
    assert.equal(
      [0, 6_000, 12_000, 60_000, 120_000].map((connections) => paceOf(connections, 120_000)),
      [50, 50, 100, 500, 500],
    );
  });

  test('tells who came while it was at it, after everybody else', async () => {
    const rig = new Rig(2);
    void rig.drain.run();
    await rig.advance(0);
    rig.connections.add(new FakeConnection(rig));
    await rig.advance(250);
    assert.equal(rig.delays(), [0, 20, 0]);
    rig.drain.hurry();
    await rig.advance(0);
  });

  test('asks nobody to have left already, however long it takes to tell everybody', async () => {
    const rig = new Rig(1);
    rig.stepMs = 7;
    void rig.drain.run();
    await rig.advance(0);
    assert.equal(rig.delays(), [0]);
    rig.drain.hurry();
    await rig.advance(0);
  });

  test('closes who has not left in time, and nobody before', async () => {
    const rig = new Rig(2);
    const [first, second] = rig.connections;
    const running = rig.drain.run();
    await rig.advance(9_999);
    assert.is(rig.connections.size, 2);
    await rig.advance(501);
    await running;
    assert.equal([first?.closedWith, second?.closedWith], ['server_draining', 'server_draining']);
  });

  test('closes everybody at its cap', async () => {
    const rig = new Rig(1_000, { windowMs: 20_000, capMs: 5_000 });
    const running = rig.drain.run();
    await rig.advance(4_999);
    assert.is(rig.connections.size, 1_000);
    await rig.advance(251);
    await running;
    assert.is(rig.connections.size, 0);
  });

  test('closes everybody at once when no other node takes connections, also later on', async () => {
    const alone = new Rig(2);
    alone.others = [];
    await Promise.all([alone.drain.run(), alone.advance(0)]);
    assert.is(alone.connections.size, 0);

    const rig = new Rig(2);
    const running = rig.drain.run();
    await rig.advance(500);
    rig.others = [];
    await rig.advance(750);
    await running;
    assert.is(rig.connections.size, 0);
  });

  test('hurries when it is told to, even in its lead', async () => {
    const rig = new Rig(2, { leadMs: 60_000 });
    const running = rig.drain.run();
    await rig.advance(10);
    rig.drain.hurry();
    await rig.advance(0);
    await running;
    assert.equal(rig.events, ['stopped listening at 10']);
    assert.is(rig.connections.size, 0);
  });
});
