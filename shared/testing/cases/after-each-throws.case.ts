import { describe } from '../suite.ts';

describe('afterEach', ({ test, afterEach }) => {
  afterEach(() => {
    throw new Error('planted');
  });
  test('holds', () => undefined);
});
