import { readFileSync } from 'node:fs';
import { createSay, runProgram, whole } from './command-line.ts';
import { Crowd, MEMBERS } from './roll/crowd.ts';
import { type Fleet, type Replacement, startFleet } from './roll/fleet.ts';
import { Tally } from './roll/tally.ts';
import { percentile } from './try/report.ts';

const HELP = `npm run roll [-- <options>]

Restarts every node of a stack of its own, one after another, while clients talk, and counts what went wrong.

  --connections <n>  clients, each with its own account and socket (default 2000)
  --rate <n>         messages a second, all clients together (default 500)
  --nodes <n>        origin nodes (default 2)
  --beside           starts the next process on the same port before the old one stops (SO_REUSEPORT)
  --kill             SIGKILL instead of SIGTERM
  --window <s>       seconds over which a node moves its clients (default 60; nodes themselves default to 120). Each move is
                     a call at the edge and a connection: two cores that also are all the clients bear some 30 a second
  --help             this text

Each message must reach the four members of its channel, once, in its sender's order. The exit code is 0 when nothing
was lost or repeated (and, unless nodes are killed, no upgrade failed); 130 when interrupted. The last line is JSON:
p99Ms is publish to delivery, gapP99Ms how long clients were without a connection.`;

const INTERRUPTED = 130;
/** Before the first node and after each: the figures are to show the restart, not the start. */
const SETTLE_MS = 2_000;
/** What was accepted must have arrived by then. */
const ARRIVAL_DEADLINE_MS = 30_000;

interface Wanted extends Replacement {
  readonly connections: number;
  readonly rate: number;
  readonly nodes: number;
  readonly windowMs: number;
}

/** `npm run roll`: resolves with the exit code. */
export function main(args: readonly string[]): Promise<number> {
  return runProgram(args, {
    help: HELP,
    options: {
      connections: { type: 'string', default: '2000' },
      rate: { type: 'string', default: '500' },
      nodes: { type: 'string', default: '2' },
      window: { type: 'string', default: '60' },
      beside: { type: 'boolean', default: false },
      kill: { type: 'boolean', default: false },
    },
    read: ({ connections, rate, nodes, window, beside: isBeside, kill: isKilled }): Wanted => ({
      connections: whole('connections', connections, [MEMBERS, 8_000]) & ~(MEMBERS - 1),
      rate: whole('rate', rate, [1, 10_000]),
      nodes: whole('nodes', nodes, [2, 8]),
      windowMs: whole('window', window, [1, 3_600]) * 1_000,
      isBeside,
      isKilled,
    }),
    run: roll,
  });
}

async function roll(wanted: Wanted): Promise<number> {
  const say = createSay();
  const fleet = await startFleet({ nodes: wanted.nodes, windowMs: wanted.windowMs, say });
  const interrupted = new Promise<number>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve(INTERRUPTED));
  });
  try {
    return await Promise.race([run(wanted, fleet, say), interrupted]);
  } finally {
    await fleet.stop();
  }
}

async function run(wanted: Wanted, fleet: Fleet, say: (sentence: string) => void): Promise<number> {
  const { connections, rate, nodes } = wanted;
  const tally = new Tally({ readers: connections, members: MEMBERS });
  const crowd = new Crowd({
    edge: fleet.edgeUrl,
    clients: connections,
    tally,
    onProgress: (ready) => ready % 200 < MEMBERS && say(`${ready} of ${connections} clients are in`),
  });
  try {
    await crowd.gather();
    crowd.failedUpgrades = 0;
    const hush = crowd.talk(rate);
    await pause(SETTLE_MS);
    for (let place = 0; place < nodes; place += 1) {
      say(`${fleet.names[place]} is ${wanted.isKilled ? 'killed' : 'stopped'}`);
      await fleet.replace(place, wanted);
      say(`${fleet.names[place]} was replaced`);
      await pause(SETTLE_MS);
    }
    hush();
    await arrival(crowd, tally);
    return conclude(wanted, crowd, tally);
  } finally {
    crowd.close();
  }
}

async function arrival(crowd: Crowd, tally: Tally): Promise<void> {
  const endMs = performance.now() + ARRIVAL_DEADLINE_MS;
  while (performance.now() < endMs && (crowd.unanswered > 0 || tally.totals().lost > 0)) await pause(100);
}

function conclude(wanted: Wanted, crowd: Crowd, tally: Tally): number {
  const { failedUpgrades, gapsMs, gapsTold } = crowd;
  const totals = tally.totals();
  const result = {
    ...totals,
    failedUpgrades,
    p99Ms: rounded(percentile(tally.latenciesMs, 0.99)),
    gapP99Ms: gapsMs.length === 0 ? 0 : rounded(percentile(gapsMs, 0.99)),
    reconnects: gapsMs.length,
    gapsTold,
    ...wanted,
    tcpMigrateReq: readMigration(),
  };
  const isKept = totals.lost + totals.duplicated + totals.reordered + gapsTold === 0;
  const isWell = isKept && totals.accepted > 0 && (wanted.isKilled || failedUpgrades === 0);
  console.log(isWell ? 'Nothing was lost, repeated or out of order.' : 'It did NOT hold; see the counts.');
  console.log(JSON.stringify(result));
  return isWell ? 0 : 1;
}

/** Linux, since 5.14: 1 when handshakes queued on a closing listener move to another one on the same port. */
function readMigration(): number | undefined {
  try {
    return Number(readFileSync('/proc/sys/net/ipv4/tcp_migrate_req', 'utf8'));
  } catch {
    return undefined; // Another system, or an older kernel: there is no such thing to report.
  }
}

function rounded(ms: number): number {
  return Math.round(ms * 10) / 10;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
