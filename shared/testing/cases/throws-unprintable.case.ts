import { describe } from '../suite.ts';

describe('throw', ({ test }) => {
  test('an error without name and stack', () => {
    throw Object.defineProperties(new Error('planted'), {
      name: { value: undefined },
      stack: { value: undefined },
    });
  });
});
