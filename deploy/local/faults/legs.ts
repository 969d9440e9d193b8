import type { Verdict } from './checker.ts';
import { SCHEDULES, type ScheduleName } from './schedule.ts';

/** What can be asked for by name: one schedule, or all there is to show. */
export const ASKED = [...SCHEDULES, 'all'] as const;
export type AskedName = (typeof ASKED)[number];

export interface Leg {
  readonly schedule: ScheduleName;
  readonly durationMs: number;
}

/** Of `all`, everything on one Redis takes two thirds of the time, and a Cluster that fails over the rest. */
export function legsOf(name: AskedName, durationMs: number): Leg[] {
  if (name !== 'all') return [{ schedule: name, durationMs }];
  const failoverMs = Math.round(durationMs / 3);
  return [
    { schedule: 'mixed', durationMs: durationMs - failoverMs },
    { schedule: 'failover', durationMs: failoverMs },
  ];
}

/** The counts of several verdicts together. */
export function sumUp(verdicts: readonly Verdict[]) {
  const sum = (of: (verdict: Verdict) => number) =>
    verdicts.reduce((total, verdict) => total + of(verdict), 0);
  return {
    accepted: sum(({ accepted }) => accepted),
    lost: sum(({ lost }) => lost),
    duplicated: sum(({ duplicated }) => duplicated),
    reordered: sum(({ reordered }) => reordered),
    gapsTold: sum(({ gapsTold }) => gapsTold),
    gapsUnneeded: sum(({ gapsUnneeded }) => gapsUnneeded),
    untold: sum(({ untold }) => untold),
    doubleWinners: sum(({ doubleWinners }) => doubleWinners),
    deliveries: sum(({ deliveries }) => deliveries),
    conditionalWinners: sum(({ conditionalWinners }) => conditionalWinners),
    mail: {
      posted: sum(({ mail }) => mail.posted),
      delivered: sum(({ mail }) => mail.delivered),
      acked: sum(({ mail }) => mail.acked),
      lossesTold: sum(({ mail }) => mail.lossesTold),
    },
  };
}
