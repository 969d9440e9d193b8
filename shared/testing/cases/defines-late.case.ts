import { describe } from '../suite.ts';

describe('late', ({ test }) => {
  setTimeout(() => test('defined too late', () => undefined));
  test('holds', () => new Promise((resolve) => setTimeout(resolve, 5)));
});
