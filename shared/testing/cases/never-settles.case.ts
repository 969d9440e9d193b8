import { describe } from '../suite.ts';

describe('never', ({ test }) => {
  test('settles', () => new Promise(() => undefined));
}, 50);
