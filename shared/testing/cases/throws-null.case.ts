import { describe } from '../suite.ts';

describe('throw', ({ test }) => {
  test('null', () => {
    throw null;
  });
});
