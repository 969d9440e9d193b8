import { UsageError } from '../../shared/entry.ts';
import { type Gauge, runProgram, webAddress, whole, writeGauges } from './command-line.ts';
import { Identity } from './probe/identity.ts';
import { type Measured, measure } from './probe/measure.ts';
import { liveRun } from './run-file.ts';
import { CHECKOUT } from './servers/checkout.ts';

const HELP = `npm run probe [-- <options>]

Signs in twice, on two nodes where there are two, sends messages from one to the other, and tells how long it took: for
cron, a monitor, or a person who asks "does it work?".

  --edge <url>       the edge to use (default: the stack that "npm start" runs)
  --state <file>     where its two accounts are kept; made at the first run (default .hushwire/probe.json)
  --messages <n>     messages sent (default 5)
  --max-ms <n>       slowest delivery that still passes (default 1000)
  --timeout-s <n>    the whole run may take this long (default 30)
  --metrics <file>   also writes Prometheus text there, for node_exporter's textfile collector
  --json             prints one line of JSON instead of a sentence
  --help             this text

The exit code is 0 when every message arrived in time, 1 when not, 2 for wrong options.`;

interface Wanted {
  readonly edge: string;
  readonly state: string;
  readonly messages: number;
  readonly maxMs: number;
  readonly timeoutMs: number;
  readonly metrics: string | undefined;
  readonly isJson: boolean;
}

type Result = ({ readonly ok: true } & Measured) | { readonly ok: false; readonly why: string };

/** `npm run probe`: resolves with the exit code. */
export function main(args: readonly string[]): Promise<number> {
  return runProgram(args, {
    help: HELP,
    options: {
      edge: { type: 'string' },
      state: { type: 'string', default: `${CHECKOUT}/.hushwire/probe.json` },
      messages: { type: 'string', default: '5' },
      'max-ms': { type: 'string', default: '1000' },
      'timeout-s': { type: 'string', default: '30' },
      metrics: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
    read: ({ edge, state, metrics, json, ...counts }): Wanted => ({
      edge: edge === undefined ? runningEdge() : webAddress('edge', edge),
      state,
      messages: whole('messages', counts.messages, [1, 1_000]),
      maxMs: whole('max-ms', counts['max-ms'], [1, 60_000]),
      timeoutMs: whole('timeout-s', counts['timeout-s'], [1, 3_600]) * 1_000,
      metrics,
      isJson: json,
    }),
    run: probeAndTell,
  });
}

function runningEdge(): string {
  const edge = liveRun(`${CHECKOUT}/.hushwire`)?.edgeUrl;
  if (edge === undefined)
    throw new UsageError('No stack is running: start one with "npm start", or name one with --edge');
  return edge;
}

async function probeAndTell(wanted: Wanted): Promise<number> {
  const result = await probe(wanted);
  const sentence = wanted.isJson ? JSON.stringify(summaryOf(result)) : tell(result);
  if (result.ok || wanted.isJson) console.log(sentence);
  else console.error(sentence);
  if (wanted.metrics !== undefined) await writeGauges(wanted.metrics, gaugesOf(result));
  return result.ok ? 0 : 1;
}

/** Runs it once; what went wrong is the result. */
export async function probe({
  edge,
  state,
  messages,
  maxMs,
  timeoutMs,
}: Omit<Wanted, 'metrics' | 'isJson'>): Promise<Result> {
  const signal = AbortSignal.timeout(timeoutMs);
  try {
    const identity = await Identity.open(state, edge);
    const measured = await measure({ edge, identity, messages, signal });
    const slowest = Math.max(...measured.deliveryMs);
    if (slowest <= maxMs) return { ok: true, ...measured };
    return { ok: false, why: `the slowest delivery took ${slowest.toFixed(1)} ms, more than ${maxMs}` };
  } catch (error) {
    if (signal.aborted) return { ok: false, why: `not done after ${timeoutMs / 1_000} s` };
    return { ok: false, why: error instanceof Error ? error.message : String(error) };
  }
}

/** A sentence. */
export function tell(result: Result): string {
  if (!result.ok) return `The probe failed: ${result.why}`;
  const [a, b] = result.nodes;
  const where = a === b ? `on the only node, ${a}` : `from ${a} to ${b}`;
  const { signInMs, medianMs, slowestMs } = figuresOf(result);
  return `Signed in within ${signInMs} ms; ${result.deliveryMs.length} messages ${where}: median ${medianMs} ms, slowest ${slowestMs} ms`;
}

function figuresOf({ signInMs, deliveryMs }: Measured) {
  const sorted = [...deliveryMs].sort((a, b) => a - b);
  const round = (ms: number) => Math.round(ms * 10) / 10;
  return {
    signInMs: round(signInMs),
    medianMs: round(sorted[Math.floor(sorted.length / 2)] ?? 0),
    slowestMs: round(sorted.at(-1) ?? 0),
  };
}

/** The same as fields. */
export function summaryOf(result: Result) {
  if (!result.ok) return result;
  return { ok: true, nodes: result.nodes, messages: result.deliveryMs.length, ...figuresOf(result) };
}

function gaugesOf(result: Result): Gauge[] {
  const figures = result.ok ? figuresOf(result) : undefined;
  const seconds = (ms: number | undefined) => (ms === undefined ? undefined : ms / 1_000);
  const gauge = (name: string, help: string, value: number | undefined): Gauge => ({ name, help, value });
  return [
    gauge(
      'hushwire_probe_success',
      'Whether every message of the last run arrived in time',
      Number(result.ok),
    ),
    gauge('hushwire_probe_sign_in_seconds', 'Sign-in and first connection', seconds(figures?.signInMs)),
    gauge('hushwire_probe_delivery_seconds', 'Slowest delivery', seconds(figures?.slowestMs)),
    gauge('hushwire_probe_crossed_nodes', 'Whether they crossed two nodes', crossed(result)),
    gauge('hushwire_probe_run_timestamp_seconds', 'When it ran', Math.floor(Date.now() / 1_000)),
  ];
}

function crossed(result: Result): number | undefined {
  return result.ok ? Number(result.nodes[0] !== result.nodes[1]) : undefined;
}
