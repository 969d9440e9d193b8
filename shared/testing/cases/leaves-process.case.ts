import { spawn } from 'node:child_process';
import { describe } from '../suite.ts';

describe('orphan', ({ test }) => {
  test('leaves a process', () => {
    spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' }).unref();
  });
});
