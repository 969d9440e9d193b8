/** RESULTS.md: everything a run found, written so that it can be read without having seen the run. */
import { judge } from './budgets.ts';
import type { Setting } from './machine.ts';
import type { Case } from './report.ts';
import type { Row } from './row.ts';
import { alignTable, show, tablesOf } from './table.ts';

export interface Results extends Setting {
  readonly command: string;
  readonly repeats: number;
  readonly seconds: number;
  /** What a reader should know of this very run. */
  readonly note?: string;
}

/** The page; `rows` in the order to show them. */
export function pageOf(results: Results, rows: readonly Row[], cases: readonly Case[]): string {
  const measured = rows.filter(({ name }) => cases.some(({ row }) => row === name));
  return `${[
    '# Hushwire beside others, in one run on one machine',
    'Made by the program; do not edit. Ratios hold between machines, times do not: run it on yours.',
    settingOf(results),
    HOW_TO_READ,
    '## Budgets',
    budgetTable(cases),
    ...measured.flatMap((row) => [
      `## ${row.title}`,
      row.about,
      tablesOf(row, cases),
      `![${row.title}](plots/${row.name}.svg)`,
    ]),
  ].join('\n\n')}\n`;
}

const HOW_TO_READ = `Every figure is the median of the repeats, with the smallest and the largest in brackets; targets took turns, each repeat
beginning with another one. *CPU* is that of all server processes and Redis together, from /proc; Hushwire's Postgres is not in it:
no message touches it. One or two generator processes speak raw WebSocket to every server alike, pace by the clock whatever
the servers do, and stamp both clocks of a latency themselves; they share the machine with the servers. A figure that the generator may
have spoilt (over 85 % of a core, its event loop over 60 ms late at p99, less than 97 % of the rate) is *invalid* and
never used. "Others" is what unrelated programs took of the machine meanwhile: it lengthens every latency, and makes batches
larger, of which all servers profit. Sizes are characters of the data string, the same for every server. Socket.IO runs on WebSocket
alone, without compression.`;

function settingOf({ machine, versions, commit, date, command, repeats, seconds, note }: Results): string {
  const list = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return [
    `* ${date}, commit ${commit}`,
    `* ${machine}; servers, Redis and generator on this one machine, loopback`,
    `* ${list.join(', ')}`,
    `* \`${command}\`: up to ${repeats} repeats, windows of ${seconds} s after a warm-up`,
    ...(note === undefined ? [] : [`* ${note}`]),
  ].join('\n');
}

function budgetTable(cases: readonly Case[]): string {
  const lines = judge(cases).map(({ text, where, atMost, found, isKept }) => [
    text,
    where,
    `≤ ${atMost}`,
    show(found),
    isKept ? 'kept' : '**missed**',
  ]);
  return alignTable([['what', 'case', 'budget', 'found', ''], ...lines]);
}
