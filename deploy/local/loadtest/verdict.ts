/** What a run came to. */

export interface Metric {
  readonly type: string;
  readonly values: Readonly<Record<string, number>>;
  readonly thresholds?: Readonly<Record<string, { readonly ok: boolean }>>;
}
export interface Summary {
  readonly scenario: string;
  readonly metrics: Readonly<Record<string, Metric>>;
  readonly state: { readonly testRunDurationMs: number };
}
export interface Limit {
  readonly metric: string;
  readonly limit: string;
  readonly isKept: boolean;
}
export interface Verdict {
  readonly is: 'passed' | 'failed' | 'invalid';
  /** Why, in plain words, a sentence each. */
  readonly reasons: readonly string[];
  readonly limits: readonly Limit[];
}

/** Half of what realtime may take: where timers of the generator come later, its figures tell of itself. */
export const LAG_MAX_MS = 25;

/**
 * `invalid` comes before everything: a generator that had no time left neither passes a run nor blames the service.
 * `interrupted`: k6 was stopped before its end.
 */
export function judge(summary: Summary | undefined, isInterrupted = false): Verdict {
  if (summary === undefined) return invalid('k6 wrote no figures, so there is nothing to judge', []);
  const limits = limitsOf(summary);
  const { metrics } = summary;
  if (isInterrupted) return invalid('It was stopped before its end', limits);
  const lagMs = metrics.generator_lag_ms?.values['p(99)'];
  if (lagMs !== undefined && lagMs > LAG_MAX_MS)
    return invalid(
      `The generator had no time left: 1 in 100 of its own timers came ${Math.round(lagMs)} ms late or more, over the ${LAG_MAX_MS} ms ` +
        'that figures bear; use a bigger or another machine for k6, or fewer sockets',
      limits,
    );
  const dropped = metrics.dropped_iterations?.values.count ?? 0;
  if (dropped > 0)
    return invalid(`The generator could not begin ${dropped} of its iterations in time`, limits);
  const unseen = limits.find(({ metric }) => !isMeasured(metrics[metric]));
  if (unseen !== undefined) return invalid(`${unseen.metric} was not measured even once`, limits);
  const unkept = limits.filter(({ isKept }) => !isKept);
  if (unkept.length === 0) return { is: 'passed', reasons: [], limits };
  return { is: 'failed', reasons: unkept.map((limit) => explain(limit, metrics[limit.metric])), limits };
}

/** 0 passed, 1 a promise was not kept, 3 the run says nothing. */
export function exitCode({ is }: Verdict): number {
  return { passed: 0, failed: 1, invalid: 3 }[is];
}

function invalid(reason: string, limits: readonly Limit[]): Verdict {
  return { is: 'invalid', reasons: [reason], limits };
}

/** k6 takes a limit of a time or a share that nobody measured for kept. A count of nothing is a count. */
function isMeasured(metric: Metric | undefined): boolean {
  if (metric?.type === 'trend') return (metric.values.count ?? 0) > 0;
  if (metric?.type === 'rate') return (metric.values.passes ?? 0) + (metric.values.fails ?? 0) > 0;
  return metric !== undefined;
}

function limitsOf({ metrics }: Summary): Limit[] {
  return Object.entries(metrics).flatMap(([metric, { thresholds = {} }]) =>
    Object.entries(thresholds).map(([limit, { ok }]) => ({ metric, limit, isKept: ok })),
  );
}

function explain({ metric, limit }: Limit, found: Metric | undefined): string {
  const [, stat = ''] = /^([a-z]+(?:\([\d.]+\))?)/.exec(limit) ?? [];
  const value = found?.values[stat];
  return `${metric} should have been ${limit}, and was ${value === undefined ? 'not measured' : Math.round(value * 100) / 100}`;
}
