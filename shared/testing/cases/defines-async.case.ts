import { describe } from '../suite.ts';

describe('async', async ({ test }) => {
  test('holds', () => undefined);
  await Promise.resolve();
  test('is lost', () => undefined);
});
