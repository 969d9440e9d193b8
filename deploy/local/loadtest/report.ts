/** A run as one HTML file that needs nothing else: verdict first, then promises, charts, figures. */
import { chart, type Series } from './chart.ts';
import { STYLE } from './style.ts';
import type { Metric, Summary, Verdict } from './verdict.ts';
import type { Sample } from './watch.ts';

export interface Report {
  readonly scenario: string;
  readonly about: string;
  /** What was measured, where and with what: a row each. */
  readonly facts: readonly (readonly [name: string, value: string])[];
  readonly verdict: Verdict;
  readonly summary: Summary | undefined;
  readonly samples: readonly Sample[];
}

const WORDS = {
  passed: ['Every promise was kept', 'good'],
  failed: ['A promise was not kept', 'bad'],
  invalid: ['This run says nothing about the service', 'wait'],
} as const;

export function renderReport(report: Report): string {
  const { scenario, about, verdict, facts } = report;
  const [words, tone] = WORDS[verdict.is];
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${plain(scenario)}: ${verdict.is}</title>
<style>${STYLE}</style>
<main>
<header><p class="name">Hushwire load test</p><h1>${plain(scenario)}</h1><p>${plain(about)}</p></header>
<section class="verdict ${tone}"><h2>${words}</h2>${verdict.reasons.map((reason) => `<p>${plain(reason)}.</p>`).join('')}</section>
${limitsOf(report)}
<section class="charts">${charts(report.samples)}</section>
${figuresOf(report)}
<section><h2>The run</h2><table>${facts.map(([name, value]) => row(name, value)).join('')}</table></section>
</main>
</html>
`;
}

function limitsOf({ verdict, summary }: Report): string {
  if (verdict.limits.length === 0) return '';
  const rows = verdict.limits.map(({ metric, limit, isKept }) => {
    const mark = isKept ? '<td class="good">kept</td>' : '<td class="bad">not kept</td>';
    return `<tr><td>${plain(nameOf(metric))}</td><td>${plain(limit)}</td><td class="number">${measured(summary?.metrics[metric], limit)}</td>${mark}</tr>`;
  });
  return `<section><h2>Promises</h2><table><tr><th>what</th><th>limit</th><th class="number">measured</th><th></th></tr>${rows.join('')}</table></section>`;
}

function measured(metric: Metric | undefined, limit: string): string {
  const [stat = ''] = /^[a-z]+(?:\([\d.]+\))?/.exec(limit) ?? [];
  return number(metric?.values[stat]);
}

function charts(samples: readonly Sample[]): string {
  const at = samples.map(({ atS }) => atS);
  const of = (name: string, pick: (sample: Sample) => number | undefined): Series => ({
    name,
    values: samples.map(pick),
  });
  const perSecond = samples.map(({ accepted = 0, atS }, i) => {
    const before = samples[i - 1];
    return before === undefined ? undefined : (accepted - (before.accepted ?? 0)) / (atS - before.atS);
  });
  return [
    chart('Sockets opened', { at, series: [of('sockets', ({ sockets }) => sockets)] }),
    chart('Latency so far, 95th percentile', {
      at,
      unit: 'ms',
      series: [
        of('realtime', ({ realtimeP95Ms }) => realtimeP95Ms),
        of('API', ({ apiP95Ms }) => apiP95Ms),
        of('timers of k6', ({ lagP95Ms }) => lagP95Ms),
      ],
    }),
    chart('Messages of probes a second', { at, series: [{ name: 'accepted', values: perSecond }] }),
    chart('Processors', {
      at,
      series: [
        of('cores used by k6', ({ generatorCores }) => generatorCores),
        of('share of the machine in use', ({ machineBusy }) => machineBusy),
      ],
    }),
  ].join('');
}

/** What k6 counts by itself is of use only when one of ours asks a question. */
const OURS =
  /^(?:realtime_ms|api_ms|away_ms|generator_lag_ms|accepted|arrived|lost|disordered|gaps_told|sockets_opened|unexpected_closes|moves|cuts|refused|welcomes_dropped|present|checks|http_reqs|http_req_failed|ws_connecting|data_(?:sent|received))$/;
const STATS = ['med', 'p(95)', 'p(99)', 'p(99.9)', 'max', 'count'] as const;

function figuresOf({ summary }: Report): string {
  const metrics = Object.entries(summary?.metrics ?? {}).filter(([name]) => OURS.test(name));
  const trends = metrics.filter(([, { type }]) => type === 'trend');
  const others = metrics.filter(([, { type }]) => type !== 'trend');
  const head = ['', ...STATS].map((name) => `<th class="number">${name}</th>`).join('');
  const rows = trends.map(
    ([name, { values }]) =>
      `<tr><td>${plain(nameOf(name))}</td>${STATS.map((stat) => `<td class="number">${number(values[stat])}</td>`).join('')}</tr>`,
  );
  const counts = others.map(([name, metric]) => row(nameOf(name), number(countOf(metric))));
  return `<section><h2>Times in milliseconds</h2><table><tr>${head}</tr>${rows.join('')}</table></section>
<section><h2>Counts</h2><table>${counts.join('')}</table></section>`;
}

function countOf({ type, values }: Metric): number | undefined {
  return type === 'rate' ? values.rate : (values.count ?? values.value);
}

const nameOf = (metric: string): string => metric.replace(/_ms$/, '').replaceAll('_', ' ');
const row = (name: string, value: string): string =>
  `<tr><td>${plain(name)}</td><td class="number">${plain(value)}</td></tr>`;

function number(value: number | undefined): string {
  if (value === undefined) return '–';
  return value.toLocaleString('en', { maximumFractionDigits: Math.abs(value) < 100 ? 2 : 0 });
}

function plain(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
