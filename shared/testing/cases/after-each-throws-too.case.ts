import { describe } from '../suite.ts';

describe('afterEach', ({ test, afterEach }) => {
  afterEach(() => {
    throw new Error('planted in the hook');
  });
  test('fails', () => {
    throw new Error('planted in the test');
  });
});
