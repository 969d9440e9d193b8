import { UsageError } from '../../shared/entry.ts';
import { createSay, runProgram, type Say, whole } from './command-line.ts';
import { BAD_KINDS, type BadKind, layOutBad } from './release/bad-tree.ts';
import { type Migration, readMigrations } from './release/migrations.ts';
import { checkOut, findPrevious, NoPrevious, type Previous, type Worktree } from './release/previous.ts';
import { Release, type ReleaseOutcome } from './release/release.ts';
import { MEMBERS } from './roll/crowd.ts';
import { CHECKOUT } from './servers/checkout.ts';

const HELP = `npm run release [-- <options>]

Rehearses a release on this machine: a stack of its own runs the release before this one, with clients that talk; then this one
takes its place. Plan (what changes, what migrations ask for), canary (one node, watched beside the others), roll (the other
nodes, then the edge), verify (every node, messages across two), and the way back when any of them says no.

  --dry-run          plans, and changes nothing
  --from <commit>    the release before this one (default: the last tag, or before there is any the commit before the newest
                     migration)
  --nodes <n>        origin nodes (default 2)
  --connections <n>  clients, each with its own account and socket (default 40)
  --rate <n>         messages a second, all clients together (default 50)
  --watch <s>        seconds for which the canary is watched (default 5)
  --bad-canary <how> releases a version that must be taken back: one that refuses some commands (refuses), or that does not
                     start (dead)
  --help             this text

Each message must reach the four members of its channel, once, in its sender's order. The exit code is 0 when nothing was lost or
repeated and the release ended as it should; 1 when not; 2 for wrong options. The last line is JSON.`;

interface Wanted {
  readonly from: string | undefined;
  readonly isDry: boolean;
  readonly bad: BadKind | undefined;
  readonly nodes: number;
  readonly connections: number;
  readonly rate: number;
  readonly watchMs: number;
}

/** `npm run release`: resolves with the exit code. */
export function main(args: readonly string[]): Promise<number> {
  return runProgram(args, {
    help: HELP,
    options: {
      'dry-run': { type: 'boolean', default: false },
      'bad-canary': { type: 'string' },
      from: { type: 'string' },
      nodes: { type: 'string', default: '2' },
      connections: { type: 'string', default: '40' },
      rate: { type: 'string', default: '50' },
      watch: { type: 'string', default: '5' },
    },
    read: ({ from, nodes, connections, rate, watch, 'dry-run': isDry, 'bad-canary': bad }): Wanted => ({
      from,
      isDry,
      bad: badKind(bad),
      nodes: whole('nodes', nodes, [2, 8]),
      connections: whole('connections', connections, [MEMBERS, 2_000]) & ~(MEMBERS - 1),
      rate: whole('rate', rate, [1, 2_000]),
      watchMs: whole('watch', watch, [1, 600]) * 1_000,
    }),
    run: release,
  });
}

function badKind(text: string | undefined): BadKind | undefined {
  if (text === undefined) return undefined;
  const kind = BAD_KINDS.find((one) => one === text);
  if (kind === undefined) throw new UsageError(`--bad-canary takes one of ${BAD_KINDS.join(', ')}`);
  return kind;
}

async function release(wanted: Wanted): Promise<number> {
  const say = createSay();
  try {
    const previous = await findPrevious(wanted.from);
    const old = await checkOut(previous.commit);
    try {
      return await from(old, { previous, wanted, say });
    } finally {
      await old.remove();
    }
  } catch (error) {
    if (!(error instanceof NoPrevious)) throw error;
    console.error(error.message);
    return 1;
  }
}

interface Course {
  readonly previous: Previous;
  readonly wanted: Wanted;
  readonly say: Say;
}

async function from(old: Worktree, { previous, wanted, say }: Course): Promise<number> {
  const pending = await pendingSince(old.path);
  for (const line of planOf({ previous, pending, wanted })) say(`plan: ${line}`);
  const faults = pending.flatMap(({ name, faults: found }) => found.map((fault) => `${name} ${fault}`));
  for (const fault of faults) say(`plan: NOT like this: ${fault}, and says that older programs go on`);
  const shape = { from: previous.commit, migrations: pending.map(({ name }) => name) };
  if (faults.length > 0 || wanted.isDry) {
    console.log(JSON.stringify({ ...shape, faults, isDry: wanted.isDry }));
    return faults.length > 0 ? 1 : 0;
  }
  const bad = wanted.bad === undefined ? undefined : await layOutBad(wanted.bad);
  const outcome = await new Release({ ...wanted, say, oldTree: old.path, newTree: bad?.path }).run();
  await bad?.remove();
  return conclude(outcome, { wanted, shape });
}

/** What this tree has and that one has not. */
async function pendingSince(old: string): Promise<readonly Migration[]> {
  const known = new Set((await readMigrations(old)).map(({ name }) => name));
  return (await readMigrations(CHECKOUT)).filter(({ name }) => !known.has(name));
}

interface Plan {
  readonly previous: Previous;
  readonly pending: readonly Migration[];
  readonly wanted: Wanted;
}

function planOf({ previous, pending, wanted: { nodes, watchMs } }: Plan): string[] {
  return [
    `from ${previous.commit.slice(0, 12)} (${previous.why}) to this tree`,
    pending.length === 0 ? 'no migrations' : 'the first new node brings the database up to date:',
    ...pending.map(({ name, kind }) =>
      kind === 'expand'
        ? `  ${name} expands: older programs go on`
        : `  ${name} contracts: older programs are stopped`,
    ),
    `node-1 first, watched for ${watchMs / 1_000} s; then ${nodes - 1} more, one after another; then the edge`,
    'checks: every node is ready; failures, gaps, event loop and relay lag of the canary beside the others; a probe across two nodes',
    'back, in reverse, when a check says no or a step fails',
    `takes about ${Math.round(nodes * 4 + watchMs / 1_000 + 8)} s`,
  ];
}

interface Ending {
  readonly wanted: Wanted;
  readonly shape: object;
}

function conclude(outcome: ReleaseOutcome, { wanted, shape }: Ending): number {
  const { totals, gapsTold, failedUpgrades, reason } = outcome;
  const isRolledBack = reason !== undefined;
  // What a bad version refuses is sent again, behind what came after it: its order is not judged.
  const isInOrder = wanted.bad !== undefined || totals.reordered === 0;
  const isKept = totals.lost + totals.duplicated + gapsTold === 0 && isInOrder && totals.accepted > 0;
  const isWell = isKept && isRolledBack === (wanted.bad !== undefined);
  const ending = isRolledBack ? 'The release was taken back' : 'The release is in place';
  console.log(
    `${ending}; ${isKept ? (wanted.bad === undefined ? 'nothing was lost, repeated or out of order' : 'nothing was lost or repeated') : 'it did NOT hold: see the counts'}.`,
  );
  console.log(
    JSON.stringify({ ...totals, gapsTold, failedUpgrades, rolledBack: isRolledBack, reason, ...shape }),
  );
  return isWell ? 0 : 1;
}
