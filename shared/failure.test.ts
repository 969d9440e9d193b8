import * as assert from 'uvu/assert';
import {
  CLOSE_REASON_MAX_BYTES,
  Failure,
  type FailureOptions,
  isFailure,
  type Problem,
  toClose,
  toFailure,
  toProblem,
} from './failure.ts';
import { FAILURES, type FailureCode } from './failures.ts';
import { describe } from './testing/suite.ts';
import { readVectors } from './testing/vectors.ts';

const codes = Object.keys(FAILURES) as FailureCode[];

describe('Failure', ({ test }) => {
  test('carries code, public detail, private cause and the advice of its code', () => {
    const cause = new Error('driver');
    const failure = new Failure('unavailable', { detail: 'The relay is away', cause, retryAfterMs: 200 });
    assert.is(failure.code, 'unavailable');
    assert.is(failure.detail, 'The relay is away');
    assert.is(failure.message, 'The relay is away');
    assert.is(failure.cause, cause);
    assert.is(failure.retryAfterMs, 200);
    assert.is(failure.retry, 'backoff');
    assert.ok(failure instanceof Error);
  });

  test('without a detail its message is the title of its code', () => {
    for (const code of codes) assert.is(new Failure(code).message, FAILURES[code].title);
  });

  test('toFailure leaves a Failure alone and makes everything else internal', () => {
    const failure = new Failure('conflict');
    assert.is(toFailure(failure), failure);
    for (const thrown of [new TypeError('x'), 'text', null, undefined, { code: 'conflict' }]) {
      const made = toFailure(thrown);
      assert.is(made.code, 'internal');
      assert.is(made.cause, thrown);
      assert.is(made.detail, undefined);
    }
  });

  test('isFailure asks for the class and the code', () => {
    assert.ok(isFailure(new Failure('conflict'), 'conflict'));
    assert.not.ok(isFailure(new Failure('internal'), 'conflict'));
    assert.not.ok(isFailure({ code: 'conflict' }, 'conflict'));
  });
});

describe('problem details', ({ test }) => {
  interface Vector {
    readonly failure: { readonly code: FailureCode } & FailureOptions;
    readonly requestId: string;
    readonly problem: Problem;
  }
  for (const { failure, requestId, problem } of readVectors<Vector[]>('problems'))
    test(`${failure.code} is ${problem.status}`, () => {
      const { code, ...options } = failure;
      assert.equal(toProblem(new Failure(code, options), requestId), problem);
    });

  test('a code that was never meant for HTTP answers 500', () => {
    for (const code of codes)
      assert.is(toProblem(new Failure(code), 'r').status, FAILURES[code].status ?? 500, code);
  });

  test('the cause stays at home', () => {
    const text = JSON.stringify(toProblem(toFailure(new Error('password=hunter2')), 'r'));
    assert.not.match(text, 'hunter2');
  });
});

describe('close frames', ({ test }) => {
  test('the reason is the code itself and fits a control frame', () => {
    for (const code of codes) {
      const { close, reason } = toClose(new Failure(code, { detail: 'x'.repeat(500) }));
      assert.is(reason, code);
      assert.ok(Buffer.byteLength(reason) <= CLOSE_REASON_MAX_BYTES);
      assert.is(close, FAILURES[code].close ?? 1011);
    }
  });
});
