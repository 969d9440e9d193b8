import * as assert from 'uvu/assert';
import { Failure } from '../failure.ts';
import { rejectsWith, throwsWith, until } from './expect.ts';
import { describe } from './suite.ts';

describe('expect', ({ test }) => {
  test('rejectsWith gives back the failure of that code', async () => {
    const failure = new Failure('conflict');
    assert.is(await rejectsWith(Promise.reject(failure), 'conflict'), failure);
  });

  test('rejectsWith refuses another code, another error and a resolved promise', async () => {
    await refused(() => rejectsWith(Promise.reject(new Failure('conflict')), 'forbidden'));
    await refused(() => rejectsWith(Promise.reject(new Error('conflict')), 'conflict'));
    await refused(() => rejectsWith(Promise.resolve(new Failure('conflict')), 'conflict'));
  });

  test('throwsWith gives back the failure of that code', () => {
    const failure = new Failure('forbidden');
    const fail = () => {
      throw failure;
    };
    assert.is(throwsWith(fail, 'forbidden'), failure);
  });

  test('throwsWith refuses another code, a return and an asynchronous body', async () => {
    const fail = () => {
      throw new Failure('conflict');
    };
    await refused(() => throwsWith(fail, 'forbidden'));
    await refused(() => throwsWith(() => 1, 'conflict'));
    await refused(() => throwsWith(async () => 1, 'conflict'));
  });

  test('until asks again until the answer is truthy, and gives it back', async () => {
    let asked = 0;
    const answer = await until(() => (++asked === 3 ? 'there' : undefined), { what: 'the third answer' });
    assert.equal([answer, asked], ['there', 3]);
  });

  test('until takes a promise, whatever its value', async () => {
    assert.is(await until(Promise.resolve(0), { what: 'a zero' }), 0);
  });

  test('until ends in time, naming what it waited for', async () => {
    const never = new Promise(() => undefined);
    assert.match(
      (await refused(() => until(() => false, { what: 'godot', timeoutMs: 20 }))).message,
      'godot',
    );
    assert.match((await refused(() => until(never, { what: 'godot', timeoutMs: 20 }))).message, 'godot');
  });

  test('until lets the error of its predicate go up', async () => {
    const planted = new Error('planted');
    const fail = () => {
      throw planted;
    };
    assert.is(await refused(() => until(fail, { what: 'nothing' })), planted);
  });
});

/** The error `body` throws or rejects with; fails when it does neither. */
async function refused(body: () => unknown): Promise<Error> {
  try {
    await body();
  } catch (error) {
    assert.instance(error, Error);
    return error as Error;
  }
  throw new Error('Expected an error');
}
