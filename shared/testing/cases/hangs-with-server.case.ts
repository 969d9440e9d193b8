import { spawn } from 'node:child_process';
import { describe } from '../suite.ts';

describe('server', ({ test }) => {
  test('of its own group, and then the loop blocks', async () => {
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], {
      stdio: 'ignore',
      detached: true,
    });
    console.log(`server pid ${child.pid}`);
    await new Promise((resolve) => process.stdout.write('', resolve));
    for (;;);
  });
});
