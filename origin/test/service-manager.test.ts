import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import * as assert from 'uvu/assert';
import { temporaryDirectory } from '../../deploy/local/servers/temporary.ts';
import { until } from '../../shared/testing/expect.ts';
import { describe } from '../../shared/testing/suite.ts';
import { createServiceManager } from '../adapters/service-manager.ts';

/** What systemd is at the other end: a datagram socket of the file system. */
const LISTENER = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print('listening', flush=True)
while True:
    print(s.recv(4096).decode().replace(chr(10), ' '), flush=True)
`;

describe('the service manager', ({ test, needs, before, after }) => {
  needs('systemd-notify');
  needs('python3');
  let directory: string;
  let listener: ChildProcess;
  const told: string[] = [];
  before(async () => {
    directory = await temporaryDirectory('notify');
    listener = spawn('python3', ['-c', LISTENER, join(directory, 'socket')], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const lines = createInterface({ input: listener.stdout ?? process.stdin });
    await once(lines, 'line');
    lines.on('line', (line) => told.push(line));
  });
  after(async () => {
    listener?.kill();
    await rm(directory, { recursive: true, force: true });
  });

  test('is told when work begins and ends, and pulses in between', async () => {
    const saved = process.env.NOTIFY_SOCKET;
    process.env.NOTIFY_SOCKET = join(directory, 'socket');
    const manager = createServiceManager({
      NOTIFY_SOCKET: process.env.NOTIFY_SOCKET,
      WATCHDOG_USEC: '100000',
    });
    try {
      manager.ready();
      await until(() => told.filter((line) => line.includes('WATCHDOG=1')).length >= 2, {
        what: 'two pulses',
      });
      assert.ok(told.some((line) => line.includes('READY=1')));
      manager.stopping();
      await until(() => told.some((line) => line.includes('STOPPING=1')), { what: 'the leave' });
    } finally {
      manager.close();
      if (saved === undefined) delete process.env.NOTIFY_SOCKET;
      else process.env.NOTIFY_SOCKET = saved;
    }
  });

  test('nothing happens where there is none', () => {
    const manager = createServiceManager({});
    manager.ready();
    manager.stopping();
    manager.close();
  });
});
