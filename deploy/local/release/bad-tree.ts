/** Versions of this tree that must not be released. */
import { cp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CHECKOUT } from '../servers/checkout.ts';
import { temporaryDirectory } from '../servers/temporary.ts';
import type { Worktree } from './previous.ts';

/** `refuses`: every third publication fails. `dead`: it does not start. */
export const BAD_KINDS = ['refuses', 'dead'] as const;
export type BadKind = (typeof BAD_KINDS)[number];

/** Lays one out beside this tree. */
export async function layOutBad(kind: BadKind): Promise<Worktree> {
  const path = await temporaryDirectory('bad-release');
  for (const part of ['origin', 'shared', 'edge', 'package.json', 'tsconfig.json', 'deno.json'])
    await cp(join(CHECKOUT, part), join(path, part), { recursive: true });
  await symlink(join(CHECKOUT, 'node_modules'), join(path, 'node_modules'));
  await SPOIL[kind](path);
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}

const SPOIL: Readonly<Record<BadKind, (tree: string) => Promise<void>>> = {
  refuses: async (tree) => {
    const file = join(tree, 'origin', 'commands', 'publish.ts');
    const source = await readFile(file, 'utf8');
    const beginning = /(export async function publish\([\s\S]*?\{\n)/;
    const fault = "  if ((publications += 1) % 3 === 0) throw new Failure('unavailable');\n";
    await writeFile(file, `${source.replace(beginning, `$1${fault}`)}\nlet publications = 0;\n`);
  },
  dead: (tree) => writeFile(join(tree, 'origin', 'main.ts'), "console.error('planted');\nprocess.exit(1);\n"),
};
