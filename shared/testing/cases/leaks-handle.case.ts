import { createServer } from 'node:net';
import { describe } from '../suite.ts';

describe('leaky suite', ({ test }) => {
  test('leaves a server', async () => {
    const server = createServer();
    await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)));
  });
});
