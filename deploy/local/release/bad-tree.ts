/** A version of this tree that does worse: every third publication is refused. */
import { cp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CHECKOUT } from '../servers/checkout.ts';
import { temporaryDirectory } from '../servers/temporary.ts';
import type { Worktree } from './previous.ts';

const FILE = join('origin', 'commands', 'publish.ts');
const WHERE = /(export async function publish\([\s\S]*?\{\n)/;
const FAULT = `  if ((publications += 1) % 3 === 0) throw new Failure('unavailable');\n`;

/** Lays it out beside this one. */
export async function layOutBad(): Promise<Worktree> {
  const path = await temporaryDirectory('bad-release');
  for (const part of ['origin', 'shared', 'edge', 'package.json', 'tsconfig.json', 'deno.json'])
    await cp(join(CHECKOUT, part), join(path, part), { recursive: true });
  await symlink(join(CHECKOUT, 'node_modules'), join(path, 'node_modules'));
  const source = await readFile(join(path, FILE), 'utf8');
  const spoilt = `${source.replace(WHERE, `$1${FAULT}`)}\nlet publications = 0;\n`;
  const imports = source.includes('import { Failure }')
    ? ''
    : "import { Failure } from '../../shared/failure.ts';\n";
  await writeFile(join(path, FILE), imports + spoilt);
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}
