/** The files of an image, laid out as its Dockerfile says, without a container engine. */
import { spawnSync } from 'node:child_process';
import { cp, mkdir, readFile, symlink } from 'node:fs/promises';
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

/** The instructions of the stage with this name. */
export function stageOf(instructions: readonly Instruction[], stage: string): readonly Instruction[] {
  const from = instructions.findIndex(({ name, text }) => name === 'FROM' && text.endsWith(` AS ${stage}`));
  const next = instructions.findIndex(({ name }, i) => i > from && name === 'FROM');
  return from < 0 ? [] : instructions.slice(from, next < 0 ? undefined : next);
}

/** What a stage copies from the tree itself, as [from, to]. */
export function copiesOf(stage: readonly Instruction[]): (readonly [from: string, to: string])[] {
  const copies = stage.filter(({ name, text }) => name === 'COPY' && !text.startsWith('--from='));
  return copies.flatMap(({ text }) => {
    const paths = text.split(' ');
    const to = paths.pop() ?? '';
    return paths.map((from) => [from, to === './' ? from : to] as const);
  });
}

/** Lays the files out in `directory`: what is copied and not ignored, and the packages that are not for development. */
export async function layOut(part: string, directory: string): Promise<void> {
  await copyAll(lastStage(await readDockerfile(part)), directory);
  const lock = JSON.parse(await readFile(join(CHECKOUT, 'package-lock.json'), 'utf8')) as Lock;
  for (const [path, { dev = false, optional = false }] of Object.entries(lock.packages)) {
    if (path === '' || dev) continue;
    await mkdir(dirname(join(directory, path)), { recursive: true });
    // What is nested in it has a line of its own in the lock file, or belongs to development.
    const filter = (source: string) => !relative(join(CHECKOUT, path), source).startsWith('node_modules');
    await cp(join(CHECKOUT, path), join(directory, path), { recursive: true, filter }).catch(
      (error: unknown) => {
        // A package for another machine is rightly missing.
        if (!optional) throw error;
      },
    );
  }
  const trim = spawnSync('sh', [join(CHECKOUT, 'deploy', 'docker', 'trim.sh'), part], { cwd: directory });
  if (trim.status !== 0) throw new Error(`trim.sh ${part} failed: ${trim.stderr}`);
}

/** Lays out the stage that builds the messenger, with every package, and does in there what that stage does. */
export async function buildWeb(directory: string): Promise<void> {
  const stage = stageOf(await readDockerfile('edge'), 'web');
  await copyAll(stage, directory);
  await symlink(join(CHECKOUT, 'node_modules'), join(directory, 'node_modules'));
  const [command = '', ...args] = stage.findLast(({ name }) => name === 'RUN')?.text.split(' ') ?? [];
  const { status, stderr } = spawnSync(command, args, { cwd: directory, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed: ${stderr}`);
}

async function copyAll(stage: readonly Instruction[], directory: string): Promise<void> {
  const isIgnored = await readIgnored();
  const filter = (path: string) => !isIgnored(relative(CHECKOUT, path));
  for (const [from, to] of copiesOf(stage))
    await cp(join(CHECKOUT, from), join(directory, to), { recursive: true, filter });
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
