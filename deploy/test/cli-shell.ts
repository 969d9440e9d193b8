/** The CLI as a shell has it: in this process for speed, or in one of its own where signals and pipes are the point. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { Readable, Writable } from 'node:stream';
import { main } from '../cli/main.ts';
import { CHECKOUT } from '../local/servers/checkout.ts';

export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}
export type Fields = Readonly<Record<string, unknown>>;

/** Runs a command to its end. */
export function cli(args: readonly string[], input = ''): Promise<Ended> {
  return begin(args, Readable.from(input === '' ? [] : [input])).ended;
}

/** Runs a command, with this for its standard input. */
export function begin(
  args: readonly string[],
  stdin: Readable,
): { out: () => string; ended: Promise<Ended> } {
  const [out, err] = [new Collector(), new Collector()];
  const around = { stdin, stdout: out, stderr: err, env: {} };
  const running = main(args, Object.assign(new EventEmitter(), around));
  return { out: () => out.text, ended: running.then((code) => ({ code, out: out.text, err: err.text })) };
}

/** The same, of a command that must succeed: its lines of JSON. */
export async function json(args: readonly string[], input = ''): Promise<readonly Fields[]> {
  const { code, out, err } = await cli([...args, '--json'], input);
  if (code !== 0) throw new Error(`${args.join(' ')} ended with ${code}: ${err}`);
  return linesOf(out);
}

export function linesOf(out: string): readonly Fields[] {
  const lines = out.split('\n').filter((line) => line !== '');
  return lines.map((line) => JSON.parse(line) as Fields);
}

/** A command in a process of its own. */
export interface Started {
  readonly child: ChildProcessWithoutNullStreams;
  /** What it has printed so far. */
  readonly out: () => string;
  readonly err: () => string;
  readonly ended: Promise<number | null>;
}

export function start(...args: string[]): Started {
  const child = spawn(process.execPath, [`${CHECKOUT}/deploy/cli/hushwire.mjs`, ...args]);
  const text = { out: '', err: '' };
  child.stdout.on('data', (part) => {
    text.out += String(part);
  });
  child.stderr.on('data', (part) => {
    text.err += String(part);
  });
  const ended = once(child, 'close').then(([code]) => code as number | null);
  return { child, out: () => text.out, err: () => text.err, ended };
}

class Collector extends Writable {
  text = '';
  override _write(chunk: Buffer, _: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}
