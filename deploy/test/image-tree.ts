/** The files of an image, laid out as its Dockerfile says, without a container engine. */
import { spawnSync } from 'node:child_process';
import { cp, mkdir, readFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { CHECKOUT } from '../local/servers/checkout.ts';

export interface Instruction {
  readonly name: string;
  readonly text: string;
}

/** Instructions of a Dockerfile, lines that go on joined, comments left out. */
export async function readDockerfile(part: string): Promise<Instruction[]> {
  const text = await readFile(join(CHECKOUT, 'deploy', 'docker', `${part}.Dockerfile`), 'utf8');
  const lines = text
    .replaceAll(/^#.*\n/gm, '')
    .replaceAll(/\\\n\s*/g, '')
    .split('\n');
  return lines.flatMap((line) => {
    const [, name, rest] = /^([A-Z]+) (.+)$/.exec(line.trim()) ?? [];
    return name === undefined || rest === undefined ? [] : [{ name, text: rest }];
  });
}

/** The instructions of its last stage. */
export function lastStage(instructions: readonly Instruction[]): readonly Instruction[] {
  return instructions.slice(instructions.findLastIndex(({ name }) => name === 'FROM'));
}

/** What the last stage copies from the tree itself, as [from, to]. */
export function copiesOf(instructions: readonly Instruction[]): (readonly [from: string, to: string])[] {
  const copies = lastStage(instructions).filter(
    ({ name, text }) => name === 'COPY' && !text.startsWith('--from='),
  );
  return copies.flatMap(({ text }) => {
    const paths = text.split(' ');
    const to = paths.pop() ?? '';
    return paths.map((from) => [from, to === './' ? from : to] as const);
  });
}

/** Lays the files out in `directory`: what is copied and not ignored, and the packages that are not for development. */
export async function layOut(part: string, directory: string): Promise<void> {
  const isIgnored = await readIgnored();
  for (const [from, to] of copiesOf(await readDockerfile(part))) {
    const source = join(CHECKOUT, from);
    const filter = (path: string) => !isIgnored(relative(CHECKOUT, path));
    await cp(source, join(directory, to), { recursive: true, filter });
  }
  const lock = JSON.parse(await readFile(join(CHECKOUT, 'package-lock.json'), 'utf8')) as Lock;
  for (const [path, { dev = false, optional = false }] of Object.entries(lock.packages)) {
    if (path === '' || dev || /node_modules\/.*node_modules\//.test(path)) continue;
    await mkdir(dirname(join(directory, path)), { recursive: true });
    await cp(join(CHECKOUT, path), join(directory, path), { recursive: true }).catch((error: unknown) => {
      // A package for another machine is rightly missing.
      if (!optional) throw error;
    });
  }
  const trim = spawnSync('sh', [join(CHECKOUT, 'deploy', 'docker', 'trim.sh'), part], { cwd: directory });
  if (trim.status !== 0) throw new Error(`trim.sh ${part} failed: ${trim.stderr}`);
}

interface Lock {
  readonly packages: Readonly<Record<string, { readonly dev?: boolean; readonly optional?: boolean }>>;
}

/** Whether .dockerignore leaves a path of the tree out; of its patterns, those that it has. */
async function readIgnored(): Promise<(path: string) => boolean> {
  const text = await readFile(join(CHECKOUT, '.dockerignore'), 'utf8');
  const patterns = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  const expressions = patterns.map((pattern) => {
    const inner = pattern
      .replaceAll('.', '\\.')
      .replaceAll('**/', '(?:.*/)?')
      .replaceAll(/(?<!\.)\*/g, '[^/]*');
    return new RegExp(`^${inner}(?:/|$)`);
  });
  return (path) => expressions.some((expression) => expression.test(path));
}
