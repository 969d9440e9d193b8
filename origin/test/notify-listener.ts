import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { temporaryDirectory } from '../../deploy/local/servers/temporary.ts';

/** What systemd is at the other end of sd_notify: a datagram socket of the file system, which Node has none of. */
const PROGRAM = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print('listening', flush=True)
while True:
    print(s.recv(4096).decode().replace(chr(10), ' '), flush=True)
`;

/** Listens as systemd does. */
export interface NotifyListener {
  /** Value for `NOTIFY_SOCKET`. */
  readonly socket: string;
  /** Each message as one line, in the order they came. */
  readonly told: readonly string[];
  stop(): Promise<void>;
}

/** Starts to listen. Needs python3. */
export async function startNotifyListener(): Promise<NotifyListener> {
  const directory = await temporaryDirectory('notify');
  const socket = join(directory, 'socket');
  const told: string[] = [];
  const listener: ChildProcess = spawn('python3', ['-c', PROGRAM, socket], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: listener.stdout ?? process.stdin });
  await once(lines, 'line');
  lines.on('line', (line) => told.push(line));
  return {
    socket,
    told,
    stop: async () => {
      listener.kill();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
