import { describe } from '../suite.ts';

describe('unreached', ({ test }) => {
  test('holds', () => undefined);
});
// The interval keeps the process alive, so that only the lane's limit ends it.
await new Promise(() => setInterval(() => undefined, 1_000));
