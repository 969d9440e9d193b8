import { describe } from '../suite.ts';

describe('rejection', ({ test }) => {
  test('is not awaited', () => {
    void Promise.reject(new Error('planted'));
  });
});
