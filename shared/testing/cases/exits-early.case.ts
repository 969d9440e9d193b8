import { describe } from '../suite.ts';

describe('exit', ({ test }) => {
  test('leaves with 0', () => process.exit(0));
  test('is never reached', () => undefined);
});
