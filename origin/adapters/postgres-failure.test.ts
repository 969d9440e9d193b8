import * as assert from 'uvu/assert';
import { Failure } from '../../shared/failure.ts';
import { describe } from '../../shared/testing/suite.ts';
import { toDatabaseFailure } from './postgres-failure.ts';

const failed = (code: string) => Object.assign(new Error('words of the driver'), { code });

describe('database failure', ({ test }) => {
  for (const code of ['ECONNREFUSED', 'EPIPE', 'ENOTFOUND', 'CONNECT_TIMEOUT', 'CONNECTION_ENDED'])
    test(`is unavailable when the connection failed with ${code}`, () => {
      assert.is(toDatabaseFailure(failed(code)).code, 'unavailable');
    });

  for (const code of ['08006', '53300', '57014', '57P01', '57P03', '55P03', '40P01', '25006', '28P01'])
    test(`is unavailable for ${code}, which passes`, () => {
      assert.is(toDatabaseFailure(failed(code)).code, 'unavailable');
    });

  for (const code of ['42P01', '23514', '23503', '22008', 'MAX_PARAMETERS_EXCEEDED', ''])
    test(`is internal for ${code || 'no code'}, which asks for a repair`, () => {
      assert.is(toDatabaseFailure(failed(code)).code, 'internal');
    });

  test('is a conflict when a key is taken', () => {
    assert.is(toDatabaseFailure(failed('23505')).code, 'conflict');
  });

  test('keeps the words of the driver to itself, and a Failure as it is', () => {
    const failure = toDatabaseFailure(failed('42P01'));
    assert.not.match(failure.message, 'words of the driver');
    assert.is((failure.cause as Error).message, 'words of the driver');
    const own = new Failure('conflict');
    assert.is(toDatabaseFailure(own), own);
    assert.is(toDatabaseFailure(null).code, 'internal');
  });
});
