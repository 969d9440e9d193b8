import * as assert from 'uvu/assert';
import { randomId } from '../../shared/bytes.ts';
import { rejectsWith } from '../../shared/testing/expect.ts';
import type { Suite } from '../../shared/testing/suite.ts';
import type { Copy, State } from '../ports.ts';

export interface StateUnderTest {
  readonly state: State;
  now(): number;
  /** Lets this much time pass for the store. */
  pass(ms: number): Promise<void>;
  /** From now on the store does not answer. */
  breakDown(): Promise<void>;
}

/** Any moment; a store that takes it from its caller must not use its own. */
const NOW_MS = 1_800_000_000_000;

/** What every State promises (ports.ts); `start` is called once per test, with a store nobody else uses. */
export function stateContract({ test }: Suite, start: () => Promise<StateUnderTest> | StateUnderTest): void {
  test('holds copies and gives them back in the asked order', async () => {
    const { state, now } = await start();
    const [dev, member] = [copy(now(), { kind: 'dev' }), copy(now(), { kind: 'member' })];
    await state.put([dev, member]);
    const { held } = await state.look([member, { kind: 'sess', tag: member.tag }, dev]);
    assert.equal(held, [
      { version: 1, sealed: member.sealed },
      undefined,
      { version: 1, sealed: dev.sealed },
    ]);
  });

  test('keeps values as the text they are', async () => {
    const { state, now } = await start();
    for (const sealed of ['1.0123456789', '1.aGVsbG8', '12345678901234567890', 'true', '1.7e5']) {
      const held = copy(now(), { sealed });
      await state.put([held]);
      assert.is((await state.look([held])).held[0]?.sealed, sealed);
    }
  });

  test('never replaces a newer version', async () => {
    const { state, now } = await start();
    const [one, two] = [copy(now(), {}), copy(now(), { version: 2 })];
    const onTag = (from: Copy, onEqual: Copy['onEqual'] = 'keep') => ({ ...from, tag: one.tag, onEqual });
    await state.put([onTag(two)]);
    await state.put([onTag(one), onTag(one, 'replace')]);
    assert.is((await state.look([one])).held[0]?.sealed, two.sealed);
    const ten = copy(now(), { version: 10 });
    await state.put([onTag(ten)]);
    await state.put([onTag(two, 'replace')]);
    assert.is((await state.look([one])).held[0]?.version, 10);
  });

  test('does with an equal version what the copy says', async () => {
    const { state, now } = await start();
    const [first, second] = [copy(now(), {}), copy(now(), {})];
    await state.put([first]);
    await state.put([{ ...second, tag: first.tag, onEqual: 'keep' }]);
    assert.is((await state.look([first])).held[0]?.sealed, first.sealed);
    await state.put([{ ...second, tag: first.tag, onEqual: 'replace' }]);
    assert.is((await state.look([first])).held[0]?.sealed, second.sealed);
  });

  test('drops copies, and no others; an older one is held again then', async () => {
    const { state, now } = await start();
    const [gone, kept] = [copy(now(), { version: 2 }), copy(now(), {})];
    await state.put([gone, kept]);
    await state.drop([gone, copy(now(), {})]);
    await state.drop([]);
    const { held } = await state.look([gone, kept]);
    assert.is(held[0], undefined);
    assert.is(held[1]?.sealed, kept.sealed);
    await state.put([{ ...gone, version: 1 }]);
    assert.is((await state.look([gone])).held[0]?.version, 1);
  });

  test('forgets a copy when it expires', async () => {
    const { state, now, pass } = await start();
    const short = copy(now(), { expiresAtMs: Math.ceil(now() / 1_000) * 1_000 + 1_000 });
    const long = copy(now(), {});
    await state.put([short, long]);
    await pass(2_000);
    const { held } = await state.look([short, long]);
    assert.is(held[0], undefined);
    assert.is(held[1]?.sealed, long.sealed);
  });

  test('redeems a mark once, whoever asks', async () => {
    const { state } = await start();
    const mark = { tag: randomId(), lifeSeconds: 60 };
    const answers = await Promise.all(Array.from({ length: 50 }, () => state.redeem(mark, [])));
    assert.is(answers.filter(({ isFresh }) => isFresh).length, 1);
    assert.is((await state.redeem({ ...mark, tag: randomId() }, [])).isFresh, true);
  });

  test('gives up a mark after its life, counted from its first redemption', async () => {
    const { state, pass } = await start();
    const mark = { tag: randomId(), lifeSeconds: 2 };
    await state.redeem(mark, []);
    await pass(1_000);
    assert.is((await state.redeem(mark, [])).isFresh, false);
    await pass(1_100);
    assert.is((await state.redeem(mark, [])).isFresh, true);
  });

  test('looks up while it redeems, also for a mark that was used', async () => {
    const { state, now } = await start();
    const held = copy(now(), { kind: 'dev' });
    const mark = { tag: randomId(), lifeSeconds: 60 };
    await state.put([held]);
    for (const isFresh of [true, false]) {
      const answer = await state.redeem(mark, [{ kind: 'sess', tag: held.tag }, held]);
      assert.is(answer.isFresh, isFresh);
      assert.equal(answer.held, [undefined, { version: 1, sealed: held.sealed }]);
    }
  });

  test('takes a hundred copies in one call', async () => {
    const { state, now } = await start();
    const copies = Array.from({ length: 101 }, () => copy(now(), {}));
    await state.put(copies);
    const { held } = await state.look(copies);
    assert.ok(held.every((found, i) => found?.sealed === copies[i]?.sealed));
  });

  test('lets one of fifty simultaneous uses of a step be the first, and none of an earlier step', async () => {
    const { state } = await start();
    const keys = { account: randomId(), device: randomId() };
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => state.useStep(keys, { step: 59_000_001, nowMs: NOW_MS })),
    );
    assert.is(answers.filter((isFirst) => isFirst).length, 1);
    for (const [step, isFirst] of [
      [59_000_000, false],
      [59_000_001, false],
      [59_000_002, true],
    ] as const)
      assert.is(await state.useStep(keys, { step, nowMs: NOW_MS }), isFirst, String(step));
    assert.equal(await state.recall(keys), { lastStep: 59_000_002, failures: 0, lockedUntilMs: 0 });
  });

  test('forgets a step when its code cannot be right any more', async () => {
    const { state, pass } = await start();
    const keys = { account: randomId(), device: randomId() };
    await state.useStep(keys, { step: 59_000_001, nowMs: NOW_MS });
    await pass(170_000);
    assert.is((await state.recall(keys)).lastStep, 59_000_001);
    await pass(11_000);
    assert.is((await state.recall(keys)).lastStep, 0);
  });

  test('counts every one of many simultaneous failures, and locks once for each five', async () => {
    const { state } = await start();
    const keys = { account: randomId(), device: randomId() };
    let nowMs = NOW_MS;
    const count = (add: 0 | 1, atLeast = 0) => state.countFailures(keys.device, { add, atLeast, nowMs });
    await Promise.all([1, 2, 3, 4].map(() => count(1)));
    assert.equal(await state.recall(keys), { lastStep: 0, failures: 4, lockedUntilMs: 0 });
    await Promise.all([1, 2, 3].map(() => count(1)));
    assert.equal(await state.recall(keys), { lastStep: 0, failures: 5, lockedUntilMs: nowMs + 900_000 });
    assert.equal(await count(0, 9), { failures: 9, lockedUntilMs: nowMs + 900_000 });
    assert.is(await state.useStep(keys, { step: 59_000_001, nowMs }), false);
    nowMs += 900_000;
    assert.equal(await count(1, 9), { failures: 10, lockedUntilMs: nowMs + 1_800_000 });
    assert.equal(await count(0, 3), { failures: 10, lockedUntilMs: nowMs + 1_800_000 });
    assert.equal(await count(1, 98), { failures: 98, lockedUntilMs: nowMs + 86_400_000 });
  });

  test('forgets failures with a success, and for another device never', async () => {
    const { state } = await start();
    const [account, device, other] = [randomId(), randomId(), randomId()];
    for (const tag of [device, other]) await state.countFailures(tag, { add: 1, atLeast: 0, nowMs: NOW_MS });
    await state.useStep({ account, device }, { step: 59_000_001, nowMs: NOW_MS });
    assert.is((await state.recall({ account, device })).failures, 0);
    assert.is((await state.recall({ account, device: other })).failures, 1);
    await state.countFailures(device, { add: 1, atLeast: 0, nowMs: NOW_MS });
    await state.useStep({ account, device }, { step: 59_000_001, nowMs: NOW_MS });
    assert.is((await state.recall({ account, device })).failures, 1);
  });

  test('takes packages out in their order, each once, and says which lists have any', async () => {
    const { state, now } = await start();
    const [account, other, list, second] = [randomId(), randomId(), randomId(), randomId()];
    const expiresAtMs = Math.ceil(now() / 3_600_000 + 48) * 3_600_000;
    const kept = (packages: string[], where = list) => [{ account, list: where, packages, expiresAtMs }];
    await state.keepPackages(kept(['1.a', '1.b']));
    await state.keepPackages([...kept(['1.c']), ...kept(['1.x'], second)]);
    const [held, none] = await state.stocked([account, other]);
    assert.equal([[...(held ?? [])].sort(), none], [[list, second].sort(), []]);
    const take = (...lists: string[]) => state.takePackages(lists.map((where) => ({ account, list: where })));
    assert.equal(await take(list, second, list), ['1.a', '1.x', '1.b']);
    assert.equal(await take(second, list), [undefined, '1.c']);
    assert.equal(await state.stocked([account]), [[]]);
    assert.equal(await take(list), [undefined]);
    assert.equal(await state.takePackages([{ account: other, list }]), [undefined]);
  });

  test('gives each of many that take at once another package', async () => {
    const { state, now } = await start();
    const [account, list] = [randomId(), randomId()];
    const packages = Array.from({ length: 50 }, (_, i) => `1.${String(i).padStart(3, '0')}`);
    const expiresAtMs = Math.ceil(now() / 3_600_000 + 48) * 3_600_000;
    await state.keepPackages([{ account, list, packages, expiresAtMs }]);
    const taken = await Promise.all(
      Array.from({ length: 200 }, () => state.takePackages([{ account, list }])),
    );
    assert.equal(
      taken
        .flat()
        .filter((sealed) => sealed !== undefined)
        .sort(),
      packages,
    );
  });

  test('forgets a list that is dropped, and no other', async () => {
    const { state, now } = await start();
    const [account, list, other] = [randomId(), randomId(), randomId()];
    const expiresAtMs = Math.ceil(now() / 3_600_000 + 48) * 3_600_000;
    await state.keepPackages(
      [list, other].map((where) => ({ account, list: where, packages: ['1.a'], expiresAtMs })),
    );
    await state.dropPackages({ account, list });
    await state.dropPackages({ account: randomId(), list });
    assert.equal(await state.stocked([account]), [[other]]);
  });

  test('forgets what is held of an account and of a device, and of no other', async () => {
    const { state, now } = await start();
    const [gone, kept] = [
      { account: randomId(), device: randomId() },
      { account: randomId(), device: randomId() },
    ];
    const expiresAtMs = Math.ceil(now() / 3_600_000 + 48) * 3_600_000;
    for (const { account, device } of [gone, kept]) {
      const copy = { tag: account, version: 1, sealed: '1.a', expiresAtMs, onEqual: 'keep' } as const;
      await state.put([
        { ...copy, kind: 'totp' },
        { ...copy, kind: 'keys' },
      ]);
      await state.keepPackages([{ account, list: account, packages: ['1.a'], expiresAtMs }]);
      await state.useStep({ account, device }, { step: 7, nowMs: now() });
      await state.countFailures(device, { add: 1, atLeast: 0, nowMs: now() });
    }
    await state.forget({ accounts: [gone.account], devices: [gone.device] });
    await state.forget({ accounts: [], devices: [] });
    assert.equal(await state.stocked([gone.account, kept.account]), [[], [kept.account]]);
    const keys = [gone, kept].flatMap(({ account }) => [
      { kind: 'totp', tag: account } as const,
      { kind: 'keys', tag: account } as const,
    ]);
    const { held } = await state.look(keys);
    assert.equal(
      held.map((copy) => copy?.version),
      [undefined, 1, 1, 1],
    );
    assert.equal(await state.recall(gone), { lastStep: 0, failures: 0, lockedUntilMs: 0 });
    assert.equal(await state.recall(kept), { lastStep: 7, failures: 1, lockedUntilMs: 0 });
  });

  test('takes nothing for an answer', async () => {
    const { state } = await start();
    await state.put([]);
    assert.equal((await state.look([])).held, []);
    await state.keepPackages([]);
    assert.equal(await state.takePackages([]), []);
    assert.equal(await state.stocked([]), []);
  });

  test('answers unavailable to everything when the store does not answer', async () => {
    const { state, now, breakDown } = await start();
    await state.ping();
    await breakDown();
    await rejectsWith(state.ping(), 'unavailable');
    await rejectsWith(state.look([copy(now(), {})]), 'unavailable');
    await rejectsWith(state.redeem({ tag: randomId(), lifeSeconds: 60 }, []), 'unavailable');
    await rejectsWith(state.put([copy(now(), {})]), 'unavailable');
    const keys = { account: randomId(), device: randomId() };
    await rejectsWith(state.recall(keys), 'unavailable');
    await rejectsWith(state.useStep(keys, { step: 1, nowMs: NOW_MS }), 'unavailable');
    await rejectsWith(state.countFailures(keys.device, { add: 1, atLeast: 0, nowMs: 0 }), 'unavailable');
    const list = { account: randomId(), list: randomId() };
    await rejectsWith(state.stocked([list.account]), 'unavailable');
    await rejectsWith(state.takePackages([list]), 'unavailable');
    await rejectsWith(state.keepPackages([{ ...list, packages: ['1.a'], expiresAtMs: 0 }]), 'unavailable');
    await rejectsWith(state.dropPackages(list), 'unavailable');
  });
}

function copy(nowMs: number, fields: Partial<Copy>): Copy {
  return {
    kind: 'member',
    tag: randomId(),
    version: 1,
    sealed: `1.${randomId(200)}`,
    expiresAtMs: Math.ceil(nowMs / 3_600_000 + 1) * 3_600_000,
    onEqual: 'keep',
    ...fields,
  };
}
