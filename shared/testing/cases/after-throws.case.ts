import { describe } from '../suite.ts';

describe('after', ({ test, after }) => {
  after(() => {
    throw new Error('planted');
  });
  test('holds', () => undefined);
});
