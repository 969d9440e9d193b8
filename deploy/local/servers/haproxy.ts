import { rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { type RunningProcess, startProcess } from './process.ts';
import { temporaryDirectory } from './temporary.ts';

export interface HaproxyOptions {
  /** The whole configuration. */
  readonly configuration: string;
  /** A port of it on 127.0.0.1: it is ready when somebody listens there. */
  readonly port: number;
}

const READY_WITHIN_MS = 5_000;
const ASK_EVERY_MS = 20;

/** A real HAProxy. Rejects in plain words when the program is missing or refuses its configuration. */
export async function startHaproxy({ configuration, port }: HaproxyOptions): Promise<RunningProcess> {
  const home = await temporaryDirectory('haproxy');
  const file = join(home, 'haproxy.cfg');
  const discard = () => rm(home, { recursive: true, force: true });
  try {
    await writeFile(file, configuration, { mode: 0o600 });
    const child = await startProcess({
      name: 'HAProxy',
      command: 'haproxy',
      args: ['-db', '-V', '-f', file],
      // Debian keeps it where only root's PATH looks.
      env: { PATH: `${process.env.PATH ?? ''}:/usr/sbin` },
      isReady: (line) => line.startsWith('Using '),
    });
    await listening(port);
    const stop = async () => {
      await child.stop();
      await discard();
    };
    return { ...child, stop };
  } catch (error) {
    await discard();
    throw error;
  }
}

/** It says that it starts, and only then opens its ports. */
async function listening(port: number): Promise<void> {
  const endMs = performance.now() + READY_WITHIN_MS;
  while (!(await accepts(port))) {
    if (performance.now() > endMs) throw new Error(`HAProxy does not listen on port ${port}`);
    await new Promise((resolve) => setTimeout(resolve, ASK_EVERY_MS));
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    const answer = (does: boolean) => {
      socket.destroy();
      resolve(does);
    };
    socket.once('connect', () => answer(true)).once('error', () => answer(false));
  });
}
