import { describe } from '../suite.ts';

describe('unreached', ({ test }) => {
  test('holds', () => undefined);
});
await new Promise(() => undefined);
