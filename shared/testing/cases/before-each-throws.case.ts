import { describe } from '../suite.ts';

describe('beforeEach', ({ test, beforeEach }) => {
  beforeEach(() => {
    throw new Error('planted');
  });
  test('needs the set-up', () => undefined);
});
