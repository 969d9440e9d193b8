import * as assert from 'uvu/assert';
import { codeOfClose, FAILURES, type FailureCode, isFailureCode, mayReconnect } from './failures.ts';
import { describe } from './testing/suite.ts';
import { readVectors } from './testing/vectors.ts';

const rows = Object.entries(FAILURES);

describe('failures', ({ test }) => {
  test('the table and its rows are frozen', () => {
    assert.ok(Object.isFrozen(FAILURES));
    for (const [code, row] of rows) assert.ok(Object.isFrozen(row), code);
  });

  test('no two codes share a close code', () => {
    const closes = rows.flatMap(([, { close }]) => close ?? []);
    assert.is(new Set(closes).size, closes.length);
  });

  test('the close code alone says whether to come back, and agrees with the advice', () => {
    for (const [code, { close, retry }] of rows)
      if (close !== undefined) assert.is(mayReconnect(close), retry !== 'never', code);
  });

  test('close codes are private ones, or standard ones where the standard meaning fits', () => {
    for (const [code, { close }] of rows)
      if (close !== undefined && ![1009, 1011, 1012].includes(close))
        assert.ok(close >= 4000 && close <= 4999, code);
  });

  test('statuses are those of refusals and faults', () => {
    for (const [code, { status }] of rows)
      if (status !== undefined) assert.ok(status >= 400 && status <= 599, code);
  });

  test('a code is a lower-case word that fits a close reason', () => {
    for (const [code] of rows) assert.match(code, /^[a-z][a-z_]{1,122}$/);
  });

  test('isFailureCode knows the rows and nothing an object brings along', () => {
    for (const [code] of rows) assert.ok(isFailureCode(code));
    for (const value of ['', 'constructor', '__proto__', 'toString', 'Internal', 1011, null, undefined])
      assert.not.ok(isFailureCode(value), String(value));
  });
});

describe('close codes', ({ test }) => {
  interface Vector {
    readonly close: number;
    readonly mayReconnect: boolean;
    readonly code: FailureCode | null;
  }
  for (const { close, mayReconnect: may, code } of readVectors<Vector[]>('closes'))
    test(`${close}: ${may ? 'come back' : 'do not'}`, () => {
      assert.is(mayReconnect(close), may);
      assert.is(codeOfClose(close) ?? null, code);
    });
});
