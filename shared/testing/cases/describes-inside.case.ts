import { describe } from '../suite.ts';

describe('outer', ({ test }) => {
  test('defines a suite', () => {
    describe('inner', ({ test: innerTest }) => {
      innerTest('is lost', () => {
        throw new Error('planted');
      });
    });
  });
});
