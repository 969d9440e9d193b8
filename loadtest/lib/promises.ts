/**
 * What is promised and how it is measured: the same metrics and limits in every scenario, so that reports compare.
 *
 * Times are of probes only, and only of the part that counts: ramps are left out. `generator_lag` tells how late a timer of
 * k6 itself was; where that is high, every other time is too long by as much, and the run says nothing about the service.
 */
import exec from 'k6/execution';
import { Counter, Rate, Trend } from 'k6/metrics';

/** Milliseconds from `publish` to the publication at a probe on another node. */
export const realtime = new Trend('realtime_ms', true);
/** Milliseconds of a call at the edge, from request to the end of its answer. */
export const api = new Trend('api_ms', true);
/** Milliseconds from losing a connection to being subscribed again. */
export const away = new Trend('away_ms', true);
/** Milliseconds by which a timer of the generator came late. */
export const lag = new Trend('generator_lag_ms', true);

/** Messages a probe was answered `ok` for. */
export const accepted = new Counter('accepted');
/** Of these, how many had arrived when the run ended; and those that came twice or out of order. */
export const arrived = new Counter('arrived');
export const lost = new Counter('lost');
export const disordered = new Counter('disordered');
export const gaps = new Counter('gaps_told');
/** Sockets that were open, and those among them that ended though nobody had asked. */
export const opened = new Counter('sockets_opened');
export const unexpected = new Counter('unexpected_closes');
/** Sockets that were cut, and had to come back. */
export const cuts = new Counter('cuts');
/** Sockets that moved to another node without being away. */
export const moves = new Counter('moves');
/** Welcomes that a node sent and k6 dropped; their sockets are good all the same. */
export const dropped = new Counter('welcomes_dropped');
/** Sockets that could not be opened, and calls that failed for good. */
const refused = new Counter('refused');
/** Devices whose socket was open at the beginning of the part that counts. */
export const present = new Rate('present');

/** Counts a refusal, and tells the first one of each virtual user: a counter alone explains nothing. */
export function refuse(what: string, answer: string): void {
  refused.add(1);
  if (!hasTold) console.warn(`${what} was refused: ${answer}`);
  hasTold = true;
}
let hasTold = false;
declare const console: { warn(text: string): void };

/** Limits by name; a scenario takes those that it can show. */
export const PROMISES = {
  realtime: { realtime_ms: ['p(99)<50'] },
  api: { api_ms: ['p(95)<100'] },
  delivery: { lost: ['count<1'], disordered: ['count<1'] },
  closes: { unexpected_closes: ['count<1'] },
  refusals: { refused: ['count<1'] },
  checks: { checks: ['rate==1'] },
} as const;

/** Merges thresholds, for `options.thresholds`. */
export function promise(...names: readonly (keyof typeof PROMISES)[]): { [metric: string]: string[] } {
  const chosen: { [metric: string]: string[] } = { generator_lag_ms: [] };
  for (const name of names)
    for (const [metric, limits] of Object.entries(PROMISES[name])) chosen[metric] = [...limits];
  return chosen;
}

/** Milliseconds since the run began, finer than Date.now() (k6's Date has whole milliseconds). */
export function nowMs(): number {
  return exec.instance.currentTestRunDuration;
}
