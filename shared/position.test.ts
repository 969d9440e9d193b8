import fc from 'fast-check';
import * as assert from 'uvu/assert';
import { isPosition, type Position, type Step, stepTo } from './position.ts';
import { describe } from './testing/suite.ts';
import { readVectors } from './testing/vectors.ts';

interface Vectors {
  readonly steps: readonly { readonly last: Position; readonly next: Position; readonly step: Step }[];
  readonly valid: readonly unknown[];
  readonly invalid: readonly unknown[];
}

describe('position', ({ test }) => {
  const { steps, valid, invalid } = readVectors<Vectors>('positions');
  const name = ({ epoch, offset }: Position) => `${epoch}:${offset}`;

  for (const { last, next, step } of steps)
    test(`from ${name(last)} to ${name(next)}: ${step}`, () => assert.is(stepTo(last, next), step));
  for (const value of valid) test(`valid: ${JSON.stringify(value)}`, () => assert.ok(isPosition(value)));
  for (const value of invalid)
    test(`invalid: ${JSON.stringify(value)}`, () => assert.not.ok(isPosition(value)));

  test('property: a reader that takes only `next` sees every offset once, in order, whatever it is sent', () => {
    const sent = fc.array(fc.integer({ min: 1, max: 20 }), { maxLength: 200 });
    fc.assert(
      fc.property(sent, (offsets) => {
        let last: Position = { epoch: 'q0Z7xW2k', offset: 0 };
        for (const offset of offsets) {
          const next = { ...last, offset };
          if (stepTo(last, next) !== 'next') continue;
          assert.is(next.offset, last.offset + 1);
          last = next;
        }
      }),
    );
  });
});
