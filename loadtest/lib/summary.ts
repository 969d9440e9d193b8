/** What a run prints and hands on at its end, the same for every scenario. */

interface Metric {
  readonly values: Readonly<Record<string, number>>;
  readonly thresholds?: Readonly<Record<string, { readonly ok: boolean }>>;
}
interface Summary {
  readonly metrics: Readonly<Record<string, Metric>>;
  readonly state: { readonly testRunDurationMs: number };
}

/** Percentiles every report shows. */
export const TREND_STATS = ['avg', 'min', 'med', 'p(90)', 'p(95)', 'p(99)', 'p(99.9)', 'max', 'count'];
/** Half of what realtime may take: a timer that comes later than this makes every other figure worthless. */
export const LAG_MAX_MS = 25;

const SHOWN = [
  'realtime_ms',
  'api_ms',
  'away_ms',
  'generator_lag_ms',
  'accepted',
  'arrived',
  'lost',
  'disordered',
  'gaps_told',
  'sockets_opened',
  'unexpected_closes',
  'moves',
  'cuts',
  'refused',
  'welcomes_dropped',
  'present',
  'checks',
];

/** For `export const handleSummary = summarise('…')`. Writes JSON to the file that `-e SUMMARY=…` names. */
export function summarise(
  scenario: string,
  explain: (data: Summary) => readonly string[] = () => [],
): (data: Summary) => Record<string, string> {
  return (data) => {
    const file = __ENV.SUMMARY;
    return {
      stdout: `${[textOf(scenario, data), ...explain(data)].join('\n')}\n`,
      ...(file !== undefined && { [file]: JSON.stringify({ scenario, ...data }) }),
    };
  };
}

function textOf(scenario: string, { metrics, state }: Summary): string {
  const lines = SHOWN.flatMap((name) => {
    const metric = metrics[name];
    return metric === undefined ? [] : [lineOf(name, metric)];
  });
  const failed = Object.entries(metrics).flatMap(([name, { thresholds = {} }]) =>
    Object.entries(thresholds).flatMap(([limit, { ok }]) => (ok ? [] : [`${name} ${limit}`])),
  );
  const lagMs = metrics.generator_lag_ms?.values['p(99)'] ?? 0;
  const unseen = Object.entries(metrics).find(
    ([, { thresholds, values }]) =>
      Object.keys(thresholds ?? {}).length > 0 &&
      (values.count === 0 || values.passes === 0) &&
      (values.med !== undefined || values.fails === 0),
  );
  const verdict =
    lagMs > LAG_MAX_MS
      ? `INVALID: k6 had no time left (its timers came up to ${lagMs.toFixed(0)} ms late); this says nothing about the service`
      : unseen !== undefined
        ? `INVALID: ${unseen[0]} was not measured even once`
        : failed.length > 0
          ? `FAILED: ${failed.join(', ')}`
          : 'passed';
  return ['', `${scenario}, ${(state.testRunDurationMs / 1_000).toFixed(0)} s: ${verdict}`, ...lines].join(
    '\n',
  );
}

function lineOf(name: string, { values }: Metric): string {
  const label = `  ${name.padEnd(20)}`;
  if (values['p(99)'] === undefined)
    return `${label}${values.rate !== undefined && values.passes !== undefined ? `${(values.rate * 100).toFixed(2)} %` : (values.count ?? 0)}`;
  const of = (stat: string) => `${stat} ${(values[stat] ?? 0).toFixed(1)}`;
  return `${label}${['med', 'p(95)', 'p(99)', 'p(99.9)', 'max'].map(of).join('  ')}  of ${values.count ?? 0}`;
}

/** For `stress`: a line for each step, and the last one before the promise broke. */
export function kneeOf(rates: readonly number[]): (data: Summary) => string[] {
  return ({ metrics }) => {
    const steps = rates.map((rate) => {
      const of = (name: string) => metrics[`${name}{rate:${rate}}`]?.values ?? {};
      const [p99, lagMs] = [of('realtime_ms')['p(99)'] ?? 0, of('generator_lag_ms')['p(99)'] ?? 0];
      return { rate, p99, lagMs, isValid: lagMs <= LAG_MAX_MS, isKept: p99 > 0 && p99 < 50 };
    });
    const lines = steps.map(
      ({ rate, p99, lagMs, isValid, isKept }) =>
        `  ${String(rate).padStart(6)}/s  p99 ${p99.toFixed(1).padStart(7)} ms  k6 late by ${lagMs.toFixed(1)} ms  ${isValid ? (isKept ? 'kept' : 'BROKEN') : 'says nothing: k6 was late'}`,
    );
    const end = steps.findIndex(({ isKept, isValid }) => !isKept || !isValid);
    const held = steps[(end === -1 ? steps.length : end) - 1]?.rate;
    return [...lines, sentenceOf(held, end === -1 ? undefined : steps[end])];
  };
}

function sentenceOf(held: number | undefined, end: { rate: number; isValid: boolean } | undefined): string {
  const upTo = held === undefined ? 'not even in the first step' : `up to ${held}/s`;
  if (end === undefined) return `The promise held ${upTo}; begin higher to find where it breaks`;
  if (!end.isValid)
    return `The promise held ${upTo}; then k6 gave way (at ${end.rate}/s), so the knee was not found`;
  return `The promise held ${upTo} and broke at ${end.rate}/s: that is the knee`;
}
