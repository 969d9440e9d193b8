/** What Hushwire is held to, as ratios of one run, and whether that run kept it. */
import { type Case, ratiosOf } from './report.ts';
import type { TargetName } from './target.ts';

interface Budget {
  readonly row: string;
  /** Cases it holds for; absent: all of the row. */
  readonly setting?: string;
  readonly figure: string;
  readonly against?: TargetName;
  readonly atMost: number;
  readonly text: string;
}

export const BUDGETS: readonly Budget[] = [
  unicastBudget('sio-streams', 0.5, 'CPU of a logged delivery, of Socket.IO with Redis Streams and recovery'),
  unicastBudget('sio-classic', 0.7, 'the same, of Socket.IO with its Redis adapter, which logs nothing'),
  {
    row: 'ephemeral',
    figure: 'cpuUs',
    against: 'bare',
    atMost: 1,
    text: 'CPU of an ephemeral delivery, of the floor',
  },
  {
    row: 'ephemeral',
    figure: 'cpuUs',
    against: 'sio-classic',
    atMost: 0.55,
    text: 'the same, of Socket.IO with its Redis adapter',
  },
  {
    row: 'fan-out',
    figure: 'cpuUs',
    against: 'bare',
    atMost: 1.1,
    text: 'CPU of a delivery to one of 1,000, of the floor',
  },
  {
    row: 'fan-out',
    figure: 'cpuUs',
    against: 'sio-classic',
    atMost: 0.5,
    text: 'the same, of Socket.IO with its Redis adapter',
  },
  { row: 'idle', figure: 'kib', atMost: 6, text: 'resident KiB of an idle socket' },
  { row: 'idle', figure: 'kib', against: 'sio-classic', atMost: 0.35, text: 'the same, of Socket.IO' },
  { row: 'reconnect', figure: 'backSeconds', atMost: 15, text: 's until all are back after a node died' },
  { row: 'reconnect', figure: 'lost', atMost: 0, text: 'messages lost when a node dies' },
  {
    row: 'unicast',
    setting: '2,000/s',
    figure: 'p99Ms',
    atMost: 50,
    text: 'ms at p99 over two nodes, 2,000 messages/s',
  },
];

export interface Verdict {
  readonly text: string;
  /** Name of the case without its row: `6,000/s, 200 B`. */
  readonly where: string;
  readonly atMost: number;
  readonly found: number;
  readonly isKept: boolean;
}

/** Every budget in every case that was measured and valid. */
export function judge(cases: readonly Case[]): Verdict[] {
  return BUDGETS.flatMap((budget) =>
    cases
      .filter(({ row, setting }) => row === budget.row && (budget.setting ?? setting) === setting)
      .flatMap((one) => verdictOf(budget, one)),
  );
}

function verdictOf({ figure, against, atMost, text }: Budget, one: Case): Verdict[] {
  const own = one.entries.find(({ target, invalid }) => target === 'hushwire' && invalid === undefined);
  const found = against === undefined ? own?.figures[figure]?.median : ratiosOf(one, figure)[against];
  if (found === undefined || Number.isNaN(found)) return [];
  const where = [one.setting, one.bytes === 0 ? '' : `${one.bytes} B`]
    .filter((part) => part !== '')
    .join(', ');
  return [{ text, where, atMost, found, isKept: found <= atMost }];
}

function unicastBudget(against: TargetName, atMost: number, text: string): Budget {
  return { row: 'unicast', figure: 'cpuUs', against, atMost, text };
}
