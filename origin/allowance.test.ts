import * as assert from 'uvu/assert';
import { LIMITS } from '../shared/limits.ts';
import { describe } from '../shared/testing/suite.ts';
import { AccountAllowances, Allowance, draw } from './allowance.ts';

const SMALL = {
  ...LIMITS,
  commandsPerSecond: 10,
  commandsBurst: 3,
  accountCommandsPerSecond: 10,
  accountCommandsBurst: 5,
  accountBytesPerSecond: 1_000,
  accountBytesBurst: 2_000,
  accountsCounted: 1_000,
};

describe('allowances', ({ test }) => {
  test('an account has one bucket over all its connections', () => {
    const accounts = new AccountAllowances(SMALL);
    const connections = [1, 2].map(() => Allowance.ofConnection(SMALL, 0));
    const ask = (n: number) => draw([connections[n] as Allowance, accounts.of('one', 0)], 1, 0);
    assert.equal([0, 0, 0, 1, 1, 1].map(ask), [0, 0, 0, 0, 0, 100]);
    assert.is(draw([Allowance.ofConnection(SMALL, 0), accounts.of('another', 0)], 1, 0), 0);
  });

  test('a connection over its own limit costs its account nothing', () => {
    const accounts = new AccountAllowances(SMALL);
    const [busy, quiet] = [Allowance.ofConnection(SMALL, 0), Allowance.ofConnection(SMALL, 0)];
    for (let i = 0; i < 100; i += 1) draw([busy, accounts.of('one', 0)], 1, 0);
    assert.is(draw([quiet, accounts.of('one', 0)], 1, 0), 0);
    assert.is(draw([quiet, accounts.of('one', 0)], 1, 0), 0);
    assert.is(draw([quiet, accounts.of('one', 0)], 1, 0), 100);
  });

  test('the longest wait is told, and is enough', () => {
    const account = Allowance.ofAccount(SMALL, 0);
    assert.is(draw([account], 2_000, 0), 0);
    const waitMs = draw([account], 500, 0);
    assert.is(waitMs, 500);
    assert.is(draw([account], 500, waitMs - 1), 1);
    assert.is(draw([account], 500, waitMs), 0);
  });

  test('no more accounts are counted than the limit; the one unasked for longest goes first', () => {
    const accounts = new AccountAllowances(SMALL);
    const spend = (name: string, atMs: number) => draw([accounts.of(name, atMs)], 1_500, atMs);
    for (let i = 0; i < SMALL.accountsCounted; i += 1) assert.is(spend(`account-${i}`, 0), 0);
    assert.ok(spend('account-0', 100) > 0);
    assert.is(spend('one-more', 100), 0);
    assert.is(accounts.size, SMALL.accountsCounted);
    assert.ok(spend('account-0', 100) > 0, 'it was asked for a moment ago');
    assert.is(spend('account-1', 100), 0, 'it was forgotten');
  });

  test('an account that was quiet until its buckets were full is forgotten, and no other', () => {
    const accounts = new AccountAllowances(SMALL);
    draw([accounts.of('early', 0)], 1_000, 0);
    draw([accounts.of('late', 500)], 1_000, 500);
    accounts.sweep(999);
    assert.is(accounts.size, 2);
    accounts.sweep(1_000);
    assert.is(accounts.size, 1);
    accounts.sweep(1_500);
    assert.is(accounts.size, 0);
  });
});
