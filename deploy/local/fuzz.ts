import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { runProgram, whole } from './command-line.ts';
import { CHECKOUT } from './servers/checkout.ts';

const HELP = `npm run fuzz [-- <options>]

Draws frames as peers might send them (right ones, bent ones, scrambled ones, garbage) and feeds them to connections of a node
whose relay is in memory. Every message that can be answered must be answered once and by the protocol; any other must end its
connection with a typed reason; nothing may throw, and nothing of a connection may stay.

  --frames <n>  how many (default 1000000: about a minute)
  --seed <n>    draws the same again (default random)
  --help        this text

The exit code is 0 when all of it held, 1 when not, 2 for wrong options. The last line is JSON.`;

const SEED_MAX = 2 ** 32 - 1;

interface Wanted {
  readonly frames: number;
  readonly seed: number;
}

/** `npm run fuzz`: resolves with the exit code. */
export function main(args: readonly string[]): Promise<number> {
  return runProgram(args, {
    help: HELP,
    options: {
      frames: { type: 'string', default: '1000000' },
      seed: { type: 'string', default: String(Math.floor(Math.random() * SEED_MAX)) },
    },
    read: ({ frames, seed }): Wanted => ({
      frames: whole('frames', frames, [100, 1_000_000_000]),
      seed: whole('seed', seed, [0, SEED_MAX]),
    }),
    run: runFuzz,
  });
}

/** In a process of its own, which may collect garbage when it wants to know what is left. */
async function runFuzz({ frames, seed }: Wanted): Promise<number> {
  const entry = join(CHECKOUT, 'origin', 'test', 'fuzz', 'run.ts');
  const args = ['--expose-gc', '--import', 'tsx', entry, String(frames), String(seed)];
  const child = spawn(process.execPath, args, { stdio: 'inherit' });
  const [code] = (await once(child, 'exit')) as [number | null];
  return code ?? 1;
}
