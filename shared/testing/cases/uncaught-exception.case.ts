import { describe } from '../suite.ts';

describe('exception', ({ test }) => {
  test('in a timer', () => {
    setTimeout(() => {
      throw new Error('planted');
    });
  });
});
