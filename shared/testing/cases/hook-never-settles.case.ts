import { describe } from '../suite.ts';

describe('never', ({ test, after }) => {
  after(() => new Promise(() => undefined));
  test('holds', () => undefined);
}, 50);
