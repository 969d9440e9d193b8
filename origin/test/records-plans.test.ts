import postgres from 'postgres';
import * as assert from 'uvu/assert';
import { createDatabase, type TestDatabase } from '../../shared/testing/database.ts';
import { describe } from '../../shared/testing/suite.ts';
import { BLOCK_STATEMENTS } from '../adapters/postgres-blocks.ts';
import { KEY_STATEMENTS } from '../adapters/postgres-key-statements.ts';
import { LIST_STATEMENTS } from '../adapters/postgres-lists.ts';
import { migrate } from '../adapters/postgres-migrate.ts';
import { INVITATION_STATEMENTS, MODERATION_STATEMENTS } from '../adapters/postgres-moderation-statements.ts';
import { REVOCATION_STATEMENTS } from '../adapters/postgres-revocation-statements.ts';
import { STATEMENTS as RECORD_STATEMENTS } from '../adapters/postgres-statements.ts';

const ROWS = 100_000;
const STATEMENTS = {
  ...RECORD_STATEMENTS,
  ...REVOCATION_STATEMENTS,
  ...KEY_STATEMENTS,
  ...LIST_STATEMENTS,
  ...BLOCK_STATEMENTS,
  ...MODERATION_STATEMENTS,
  ...INVITATION_STATEMENTS,
};
/** Has one row, which is read without an index. */
const ONE_ROW = 'revocation_head';

/** A tag that ends in `i`: in ascending order, which fills an index several times faster than at random. */
const tag = (i: string) => `lpad(to_hex(${i}), 22, 'A')`;

/** Every table with ROWS rows, of which the purge finds a handful past their time. */
const FILL = [
  ['accounts', `select ${tag('i')}, '1.sealed', 1, '2026-11-23'`],
  ['devices', `select ${tag('i')}, ${tag('i')}, '1.sealed', 1`],
  ['sessions', `select ${tag('i')}, ${tag('i')}, '1.sealed', 1, date '2090-01-01' - i / 2`],
  ['channels', `select ${tag('i')}, '1.sealed', 1, '2026-11-23'`],
  ['members', `select ${tag('i')}, ${tag('i')}, '1.sealed', 1`],
  ['totp', `select ${tag('i')}, '1.sealed', 1`],
  ['recovery_codes', `select ${tag('i')}, ${tag('i')}`],
  ['key_log', `select ${tag('i')}, 1, ${tag('i')}, '1.sealed'`],
  ['key_stocks', `select ${tag('i')}, ${tag('i')}, 1, '1.sealed'`],
  ['key_packages', `select ${tag('i')}, 1, 1, ${tag('i')}, '1.sealed'`],
  ['channel_lists', `select ${tag('i')}, 1, 'data'`],
  ['revocations', `select ${tag('i')}, 'session', ${tag('i')}, i, date '2163-01-01' - i / 2`],
  ['invitations', `select ${tag('i')}, 1, date '2163-01-01' - i / 2`],
  ['channel_invitations', `select ${tag('i')}, ${tag('i')}, 5, 1, date '2163-01-01' - i / 2`],
  ['blocks', `select ${tag('i')}, ${tag('i')}, 'note'`],
  ['bans', `select ${tag('i')}, ${tag('i')}, 1, 'a.b.c.d.e', date '2163-01-01' - i / 2`],
  ['calls', `select ${tag('i')}, date_trunc('minute', now()) + make_interval(mins => i - 100)`],
] as const;

const [T1, T2] = ['A'.repeat(22), 'B'.repeat(22)];
const MARK = ['jti-0123456789abcdef', '2026-11-23T00:00:00Z'];
const PARAMETERS: Readonly<Record<keyof typeof STATEMENTS, readonly string[]>> = {
  createAccount: [...MARK, T1, '1.x', '2026-11-23', T2, '1.x', T1, '5', '2026-11-23'],
  renewSession: [...MARK, T1, T2, '1.x', '2'],
  createSession: [...MARK, T1, T2, T2, '1.x', '2026-11-23', '0', `${T1},${T2}`],
  createChannel: [...MARK, T1, '1.x', '2026-11-23', T2, '1.x'],
  addMember: [...MARK, T1, T2, '1.x'],
  attempt: [
    ...MARK,
    T1,
    T2,
    T2,
    '1.x',
    '2026-11-23',
    '1',
    T1,
    '0',
    'recovery',
    T1,
    T2,
    '2026-11-23T00:00:00Z',
  ],
  changeTotp: [...MARK, T1, '1.x', '2', `${T1},${T2}`, `${T1},${T2}`, '2026-11-23T00:00:00Z'],
  read: [Array.from({ length: 100 }, () => T1).join(','), T1, T2, T1, T2],
  purge: [],
  lockBlocks: [T1],
  placeBlock: [...MARK, T1, T2, 'note'],
  liftBlock: [...MARK, T1, T2],
  listBlocks: [T1],
  findBlocks: [`${T1},${T2}`, `${T1},${T2}`],
  lockChannel: [T1],
  deleteChannel: [...MARK, T1],
  changeMembers: [...MARK, T1, T2, '1.x', '2', '-', T1, '1', '-', '-', T2, `${T1},${T2}`, T1, '5'],
  makeInvitation: [...MARK, T1, T2, '5', '2026-11-23'],
  revokeInvitation: [...MARK, T1, T2],
  listInvitations: [T1],
  purgeInvitations: [],
  placeBans: [...MARK, `${T1},${T2}`, T1, '1', '-', '-', T2],
  listBans: [T1, ''],
  purgeBans: [],
  lockAccount: [T1],
  addDevice: [...MARK, T1, T2, T2, '1.x'],
  endSessions: [...MARK, T1, T2, T2, '', ''],
  removeDevice: [...MARK, T1, T2, T2],
  deleteAccount: [...MARK, T1, T2],
  recover: [...MARK, T1, T2, '1.x', '2', T1, T2, '1.x'],
  listBelongings: [T1],
  appendEntry: [...MARK, T1, T2, '2', T1, T2, '1.x', `${T1},${T2}`],
  readLog: [T1, '0'],
  addPackages: [...MARK, T1, T2, T2, '2', T1, '1.x', '1.x,1.y', 'false'],
  readStock: [T1],
  claimPackages: [...MARK, `${T1},${T2}`, '10'],
  writeList: [...MARK, T1, T2, '2', 'data'],
  readList: [T1],
  readRevocations: ['99990'],
  purgeRevocations: [],
  ping: [],
};

const NAMES = Object.keys(STATEMENTS) as (keyof typeof STATEMENTS)[];

interface Plan {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Index Name'?: string;
  readonly Plans?: readonly Plan[];
}

describe(`statements over ${ROWS} rows a table`, ({ test, before, after }) => {
  let database: TestDatabase;
  let raw: postgres.Sql;
  before(async () => {
    database = await createDatabase();
    await migrate({ url: database.url, log: () => undefined });
    raw = postgres(database.url, { max: 1, onnotice: () => undefined });
    // What the foreign keys would check is true by construction.
    await raw`set session_replication_role = replica`;
    for (const [table, columns] of FILL)
      await raw.unsafe(`insert into hushwire.${table} ${columns} from generate_series(1, ${ROWS}) i`);
    await raw`analyze`;
  });
  after(async () => {
    await raw.end();
    await database.drop();
  });

  /** The plan a pooled connection settles on (generic), and the one made for these very values (custom). */
  const explain = async (name: keyof typeof STATEMENTS, mode: 'generic' | 'custom'): Promise<Plan> => {
    const values = PARAMETERS[name].map((value) => `'${value}'`).join(', ');
    await raw.unsafe(`set plan_cache_mode = force_${mode}_plan`);
    await raw.unsafe(`prepare statement as ${STATEMENTS[name]}`);
    const [row] = await raw.unsafe<{ 'QUERY PLAN': [{ Plan: Plan }] }[]>(
      `explain (format json) execute statement${values === '' ? '' : ` (${values})`}`,
    );
    await raw`deallocate statement`;
    if (row === undefined) throw new Error('No plan');
    return row['QUERY PLAN'][0].Plan;
  };

  for (const name of NAMES)
    for (const mode of ['generic', 'custom'] as const)
      test(`${name} reads no table from end to end (${mode} plan)`, async () => {
        const scanned = flatten(await explain(name, mode)).filter(
          (plan) => plan['Node Type'] === 'Seq Scan' && plan['Relation Name'] !== ONE_ROW,
        );
        assert.equal(
          scanned.map((plan) => plan['Relation Name']),
          [],
        );
      });

  test('every index is used by a statement', async () => {
    const plans = [];
    for (const name of NAMES) plans.push(...flatten(await explain(name, 'custom')));
    const used = new Set(plans.map((plan) => plan['Index Name']));
    const rows = await raw<{ name: string }[]>`
      select indexrelid::regclass::text as name from pg_index join pg_class on pg_class.oid = indrelid
      where relnamespace = 'hushwire'::regnamespace and not indisprimary`;
    assert.ok(rows.length > 0);
    for (const { name } of rows) assert.ok(used.has(name.replace('hushwire.', '')), name);
  });
}, 30_000);

function flatten(plan: Plan): readonly Plan[] {
  return [plan, ...(plan.Plans ?? []).flatMap(flatten)];
}
