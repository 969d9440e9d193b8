/**
 * Faults planted on purpose, to show that a run finds them. Each changes the text of files in a copy of the tree: the
 * product itself has no switch for any of them. A text that is no longer there is an error, so that a plant cannot
 * quietly come to nothing.
 */
import { cp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CHECKOUT } from '../servers/checkout.ts';
import { temporaryDirectory } from '../servers/temporary.ts';
import type { FaultCount } from './findings.ts';
import type { ScheduleName } from './schedule.ts';

export interface Plant {
  readonly name: string;
  readonly edits: readonly { readonly file: string; readonly from: string; readonly to: string }[];
  /** What brings it to light, and what it is counted as: any of these. */
  readonly schedule: ScheduleName;
  readonly counts: readonly FaultCount[];
  /** It shows with nearly every seed, so that every `npm test` may wait for it; `npm run faults -- --planted` tries all. */
  readonly isQuick?: true;
}

export const PLANTS: readonly Plant[] = [
  {
    name: 'going live before the replay is merged',
    edits: [
      {
        file: 'origin/recovery.ts',
        from: '  let at = after;\n',
        to: '  let at = after;\n  socket.join(feed.channel);\n',
      },
    ],
    schedule: 'clients',
    counts: ['lost', 'reordered', 'duplicated'],
    isQuick: true,
  },
  {
    name: 'taking the ack of an older connection',
    edits: [
      {
        file: 'origin/adapters/lua/box-ack.lua',
        from: 'h.own == tonumber(ARGV[6])',
        to: 'h.own >= tonumber(ARGV[6])',
      },
      { file: 'origin/inbox.ts', from: 'fence <= this.#attachment.fence) return;', to: 'fence > 0) return;' },
    ],
    schedule: 'clients',
    counts: ['lost'],
  },
  {
    name: 'forgetting which ids were accepted',
    edits: [{ file: 'origin/adapters/lua/publish.lua', from: '  if before then\n', to: '  if false then\n' }],
    schedule: 'mixed',
    counts: ['duplicated'],
  },
  {
    name: 'telling no gap',
    edits: [
      { file: 'origin/recovery.ts', from: 'if (page.gap !== undefined) {', to: 'if (page.gap === null) {' },
    ],
    schedule: 'redis',
    counts: ['lost'],
  },
  {
    name: 'keeping the epoch of a mailbox that may have lost items',
    edits: [
      {
        file: 'origin/adapters/lua/box.lua',
        from: 'if v[1] and v[2] == LIFE then',
        to: 'if v[1] then',
      },
    ],
    schedule: 'redis',
    counts: ['untold'],
    isQuick: true,
  },
  {
    name: 'keeping every epoch when a replica takes over',
    edits: [
      {
        file: 'origin/adapters/lua/life.lua',
        from: 'if life and string.sub(life, 1, #TERM) == TERM then return string.sub(life, #TERM + 1) end',
        to: "if life then return string.match(life, ' (.*)') end",
      },
    ],
    schedule: 'failover',
    counts: ['untold', 'lost', 'reordered', 'duplicated'],
  },
];

/** What nodes need to run. */
const COPIED = ['origin', 'shared', 'package.json', 'tsconfig.json'];

export interface PlantedTree {
  readonly root: string;
  remove(): Promise<void>;
}

/** A copy of the tree in which the fault is. */
export async function plantFault({ name, edits }: Plant): Promise<PlantedTree> {
  const root = await temporaryDirectory('planted');
  const remove = () => rm(root, { recursive: true, force: true });
  try {
    for (const entry of COPIED) await cp(join(CHECKOUT, entry), join(root, entry), { recursive: true });
    await symlink(join(CHECKOUT, 'node_modules'), join(root, 'node_modules'));
    for (const { file, from, to } of edits) {
      const path = join(root, file);
      const parts = (await readFile(path, 'utf8')).split(from);
      if (parts.length !== 2) throw new Error(`Cannot plant "${name}": ${file} holds its text not once`);
      await writeFile(path, parts.join(to));
    }
    return { root, remove };
  } catch (error) {
    await remove();
    throw error;
  }
}
