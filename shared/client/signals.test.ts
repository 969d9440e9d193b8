import * as assert from 'uvu/assert';
import { utf8 } from '../bytes.ts';
import { Failure } from '../failure.ts';
import { describe } from '../testing/suite.ts';
import { type ReceiptOptions, Receipts, TELL_AFTER_MS } from './receipts.ts';
import { type EphemeralChannel, MEMBERS_MAX, Signals } from './signals.ts';
import { ManualClock, settled } from './test/manual-clock.ts';
import { at } from './test/rig.ts';
import { TYPING_ENDS_AFTER_MS, TYPING_EVERY_MS, Typing } from './typing.ts';

/** A channel whose ephemeral messages reach everybody else at once, or nobody while it is cut. */
class Room {
  isCut = false;
  sent = 0;
  longest = 0;
  readonly #listeners = new Map<string, (event: never) => void>();

  member(tag: string): EphemeralChannel {
    return {
      on: (_: string, listener: (event: never) => void) => {
        this.#listeners.set(tag, listener);
        return () => this.#listeners.delete(tag);
      },
      sendEphemeral: async (content: Uint8Array | string) => {
        if (this.isCut) throw new Failure('unavailable');
        this.say(tag, typeof content === 'string' ? utf8(content) : content);
      },
    };
  }

  say(from: string, bytes: Uint8Array): void {
    this.sent += 1;
    this.longest = Math.max(this.longest, bytes.length);
    for (const [tag, listener] of this.#listeners) if (tag !== from) listener({ from, bytes } as never);
  }
}

const userOf = (name: string) => name.padEnd(22, '-');

describe('signals', ({ test, beforeEach }) => {
  let room: Room;
  let clock: ManualClock;
  beforeEach(() => {
    room = new Room();
    clock = new ManualClock();
  });
  const signals = (name: string) => new Signals(room.member(name), userOf(name));
  const receipts = (name: string, options: ReceiptOptions = {}) =>
    new Receipts(signals(name), { clock, ...options });
  const mark = (of: Receipts, name: string) => {
    const { epoch: _, ...offsets } = of.marks.get(userOf(name)) ?? { epoch: '' };
    return offsets;
  };
  /** Time for what was to be told, and for answers to it. */
  const told = () => clock.advance(3 * TELL_AFTER_MS);

  test('tell who types, once in a while, until nothing is heard or a message comes', async () => {
    const [ann, ben] = [new Typing(signals('ann'), { clock }), new Typing(signals('ben'), { clock })];
    const changes: (readonly string[])[] = [];
    ben.on('change', (users) => changes.push(users));
    for (let key = 0; key < 10; key += 1) ann.typed();
    assert.equal([room.sent, ben.users, ann.users], [1, [userOf('ann')], []]);
    await clock.advance(TYPING_EVERY_MS);
    ann.typed();
    assert.is(room.sent, 2);
    await clock.advance(TYPING_ENDS_AFTER_MS - 1);
    assert.equal(ben.users, [userOf('ann')]);
    await clock.advance(1);
    assert.equal(ben.users, []);
    ann.sent();
    ann.typed();
    ben.ended(userOf('ann'));
    ben.ended(userOf('ann'));
    assert.equal(changes, [[userOf('ann')], [], [userOf('ann')], []]);
    ann.typed();
    for (const one of [ann, ben]) one.close();
    assert.is(clock.armed, 0);
  });

  test('tell what was delivered and read, together, and only as it grows', async () => {
    const [ann, ben] = [receipts('ann'), receipts('ben')];
    for (const offset of [1, 2, 3]) ben.delivered(at(offset));
    ben.read(at(2));
    assert.is(room.sent, 0);
    await told();
    assert.equal([room.sent, mark(ann, 'ben')], [1, { delivered: 3, read: 2 }]);
    ben.delivered(at(2));
    ben.read(at(1));
    await told();
    assert.is(room.sent, 1);
    ben.read(at(5));
    await told();
    assert.equal(mark(ann, 'ben'), { delivered: 5, read: 5 });
    assert.equal(
      [ann.countAt(at(5)), ann.countAt(at(6))],
      [
        { delivered: 1, read: 1 },
        { delivered: 0, read: 0 },
      ],
    );
    assert.ok(room.longest <= 224, `${room.longest} bytes look like any other signal`);
  });

  test('make up for what was lost when somebody comes back, and for who was away', async () => {
    const ben = receipts('ben');
    ben.read(at(4));
    room.isCut = true;
    await told();
    room.isCut = false;
    const ann = receipts('ann');
    ann.announce();
    assert.equal(mark(ann, 'ben'), {});
    await told();
    assert.equal(mark(ann, 'ben'), { delivered: 4, read: 4 });
    assert.equal(ben.marks.has(userOf('ann')), false, 'who only asks has no mark');
    ann.delivered(at(6));
    ann.announce();
    assert.equal(mark(ben, 'ann'), { delivered: 6, read: 0 });
  });

  test('keep to themselves what was read when asked to', async () => {
    const [ann, ben] = [receipts('ann'), receipts('ben', { tellsRead: false })];
    ben.read(at(3));
    await told();
    assert.equal(
      [mark(ann, 'ben'), mark(ben, 'ben')],
      [
        { delivered: 3, read: 0 },
        { delivered: 3, read: 3 },
      ],
    );
  });

  test('begin anew with a new epoch, and go on from what an earlier run knew', async () => {
    const ann = receipts('ann', {
      known: new Map([[userOf('ben'), { epoch: at(0).epoch, delivered: 9, read: 9 }]]),
    });
    const ben = receipts('ben');
    ben.read(at(3));
    await told();
    assert.equal(mark(ann, 'ben'), { delivered: 9, read: 9 });
    ben.delivered({ epoch: 'epoch-two', offset: 1 });
    await told();
    assert.equal(mark(ann, 'ben'), { delivered: 1, read: 0 });
    assert.equal(ann.countAt(at(1)), { delivered: 0, read: 0 });
  });

  test('are the first tag\u2019s that names a user, and of no more users than the bound', () => {
    const ann = new Typing(signals('ann'), { clock });
    const types = (tag: string, userId: string) =>
      room.say(tag, utf8(JSON.stringify({ kind: 'typing', userId })));
    types('ben', 'ben');
    types('mallory', 'ben');
    types('ben', 'cem');
    types('mallory', userOf('ann'));
    assert.equal(ann.users, ['ben']);
    for (let n = 1; n <= MEMBERS_MAX; n += 1) types(`tag${n}`, `user${n}`);
    assert.is(ann.users.length, MEMBERS_MAX);
  });

  test('pass over what is no signal', async () => {
    const ann = signals('ann');
    const heard: unknown[] = [];
    for (const name of ['typing', 'mark'] as const) ann.on(name, (event) => heard.push(event));
    const userId = 'ben';
    const good = { kind: 'mark', userId, epoch: 'e', delivered: 1, read: 0 };
    const bad = [
      ...[
        { delivered: -1 },
        { read: 0.5 },
        { read: '1' },
        { epoch: 'e'.repeat(65) },
        { userId: 1 },
        { kind: 'x' },
      ],
      { userId: 'u'.repeat(65) },
    ];
    for (const text of ['typing', 'null', '[]', '"x"']) room.say('ben', utf8(text));
    for (const change of bad) room.say('ben', utf8(JSON.stringify({ ...good, ...change })));
    await settled();
    assert.equal(heard, []);
    room.say('ben', utf8(JSON.stringify(good)));
    assert.is(heard.length, 1);
    ann.close();
    room.say('ben', utf8(JSON.stringify(good)));
    assert.is(heard.length, 1);
  });
});
