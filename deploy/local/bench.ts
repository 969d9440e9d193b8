import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { type ApiReport, benchApi } from './bench/api.ts';
import { benchBans, OUT_WITHIN_MS } from './bench/bans.ts';
import { runProgram, whole } from './command-line.ts';
import { CHECKOUT } from './servers/checkout.ts';

const HELP = `npm run bench -- api [<options>]

Calls every kind of call of the edge's API on a stack of its own, first one after another, then several at once ("busy"),
and prints how long they took and how many round trips each made to the stores one after another, counted by proxies in
between (whose delay is in the times). The aim for one call is 20 ms at the 95th percentile.

  --calls <n>    measured calls of each kind, in each of the two passes (default 200)
  --at-once <n>  calls under way at once in the second (default 4)
  --help         this text

The exit code is 1 when a call takes longer than 100 ms at the 95th percentile of the busy pass, or more trips than two (three where
somebody new is added, whom no copy can tell of). The last line is JSON.`;

const BANS = { bans: 500, sockets: 1_000 };
const BANS_HELP = `npm run bench -- bans

Opens ${BANS.sockets} sockets on a stack of its own of two nodes, bans ${BANS.bans} of their people from the service, and measures from the
operator's call to the end of each socket. The exit code is 1 when one stayed longer than 2 s, or somebody else was closed.
The last line is JSON.`;

/** What is promised, with several calls under way at once. */
const P95_MAX_MS = 100;
/** What one call should take on one machine with all its stores. */
const P95_AIM_MS = 20;

/** `npm run bench`: the comparison of relays, or `api`; resolves with the exit code. */
export async function main(args: string[]): Promise<number> {
  const [first, ...rest] = args;
  if (first === 'api') return mainApi(rest);
  if (first === 'bans') return mainBans(rest);
  if (first === 'relay') return compareRelays(rest);
  if (first === undefined || first.startsWith('-')) return compareRelays(args);
  console.error('Which one? There is: npm run bench -- relay, npm run bench -- api, npm run bench -- bans');
  return 2;
}

/** In a process of its own: it is an entry with processes of its own, and nothing here imports those. */
async function compareRelays(args: readonly string[]): Promise<number> {
  const entry = join(CHECKOUT, 'loadtest', 'bench', 'main.ts');
  const child = spawn(process.execPath, ['--import', 'tsx', entry, ...args], { stdio: 'inherit' });
  const [code] = (await once(child, 'exit')) as [number | null];
  return code ?? 1;
}

function mainBans(args: readonly string[]): Promise<number> {
  return runProgram(args, { help: BANS_HELP, options: {}, read: () => undefined, run: measureBans });
}

async function measureBans(): Promise<number> {
  const report = await benchBans({ ...BANS, say: (sentence) => console.error(`  ${sentence}`) });
  const { p50Ms, p99Ms, maxMs, left, strangers } = report;
  console.log(
    `From ban to disconnect: median ${p50Ms} ms, 99 of 100 within ${p99Ms} ms, the last ${maxMs} ms`,
  );
  const isKept = left === 0 && strangers === 0 && maxMs <= OUT_WITHIN_MS;
  if (!isKept) console.log(`It did NOT hold: ${left} stayed, ${strangers} others were closed`);
  console.log(JSON.stringify({ ...report, kept: isKept }));
  return isKept ? 0 : 1;
}

interface WantedApi {
  readonly calls: number;
  readonly atOnce: number;
}

function mainApi(args: readonly string[]): Promise<number> {
  return runProgram(args, {
    help: HELP,
    options: { calls: { type: 'string', default: '200' }, 'at-once': { type: 'string', default: '4' } },
    read: ({ calls, 'at-once': atOnce }): WantedApi => ({
      calls: whole('calls', calls, [1, 2_000]),
      atOnce: whole('at-once', atOnce, [1, 64]),
    }),
    run: measureApi,
  });
}

async function measureApi(wanted: WantedApi): Promise<number> {
  const say = (sentence: string) => console.error(`  ${sentence}`);
  const report = await benchApi({ ...wanted, say });
  printTable(report);
  const late = report.rows.filter(
    ({ busyP95Ms, trips, tripsMax }) => busyP95Ms > P95_MAX_MS || trips > tripsMax,
  );
  const slow = report.rows.filter(({ p95Ms }) => p95Ms > P95_AIM_MS).map(({ call }) => call);
  console.log(
    slow.length === 0
      ? `Every call keeps the aim of ${P95_AIM_MS} ms at the 95th percentile.`
      : `Over the aim of ${P95_AIM_MS} ms at the 95th percentile: ${slow.join(', ')}.`,
  );
  for (const { call } of late)
    console.log(`${call} does NOT keep the promise of 100 ms and its number of trips.`);
  console.log(JSON.stringify({ ...report, ...wanted, overAim: slow, kept: late.length === 0 }));
  return late.length === 0 ? 0 : 1;
}

function printTable({ rows, machine, node, date }: ApiReport): void {
  const columns = ['call', 'p50 ms', 'p95 ms', 'p99 ms', 'busy: p95 ms', 'calls/s', 'trips'];
  const lines = rows.map((row) =>
    [row.call, row.p50Ms, row.p95Ms, row.p99Ms, row.busyP95Ms, row.perSecond, row.trips].map(String),
  );
  const widths = columns.map((name, i) =>
    Math.max(name.length, ...lines.map((line) => (line[i] ?? '').length)),
  );
  for (const line of [columns, ...lines])
    console.log(
      line
        .map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
        .join('  '),
    );
  console.log(`\n${machine}, Node ${node}, ${date}; generator, edge, node and stores on this one machine`);
}
