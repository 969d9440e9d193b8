/** Turns the metrics of an instance's node processes into the few numbers the group scales by. */
import { METRIC } from '../names.ts';

/** Counters of the reading before, which the next one is compared with. */
export interface Counters {
  readonly publishes: number;
  readonly failures: number;
}

export interface Reading {
  readonly data: readonly { readonly MetricName: string; readonly Unit: string; readonly Value: number }[];
  readonly counters: Counters;
}

interface Sample {
  readonly name: string;
  readonly labels: string;
  readonly value: number;
}

/** What counts against the error budget, as in deploy/monitoring/alarms.yml. */
const SERVICE_FAULT = /code="(?:unavailable|internal)"/;

/** `text` is Prometheus text of every process. Without `before`, commands are left out: a counter alone says nothing. */
export function readMetrics(text: string, given: { isReady: boolean; before?: Counters }): Reading {
  const samples = parse(text);
  const valuesOf = (name: string) => samples.filter((sample) => sample.name === name).map((s) => s.value);
  const connections = percent(
    sum(valuesOf('hushwire_connections')),
    sum(valuesOf('hushwire_connection_limit')),
  );
  const loop = Math.max(0, ...valuesOf('hushwire_event_loop_utilization')) * 100;
  const counters = {
    publishes: sum(valuesOf('hushwire_publishes_total')),
    failures: sum(samples.filter(isFault).map((sample) => sample.value)),
  };
  const data = [
    datum(METRIC.connections, connections, 'Percent'),
    datum(METRIC.loop, loop, 'Percent'),
    datum(METRIC.ready, given.isReady ? 1 : 0),
  ];
  return {
    counters,
    data: given.before === undefined ? data : [...data, ...commands(counters, given.before)],
  };
}

function commands(now: Counters, before: Counters) {
  const failures = rise(now.failures, before.failures);
  return [
    datum(METRIC.commands, rise(now.publishes, before.publishes) + failures),
    datum(METRIC.failures, failures),
  ];
}

/** A process that was started again counts from nothing. */
function rise(now: number, before: number): number {
  return now >= before ? now - before : now;
}

function parse(text: string): Sample[] {
  return [...text.matchAll(/^([a-z_]+)(\{[^}]*\})? (\S+)$/gm)].map(([, name = '', labels = '', value]) => ({
    name,
    labels,
    value: Number(value),
  }));
}

function isFault({ name, labels }: Sample): boolean {
  return name === 'hushwire_command_failures_total' && SERVICE_FAULT.test(labels);
}

function percent(part: number, whole: number): number {
  return whole === 0 ? 0 : (part / whole) * 100;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function datum(MetricName: string, Value: number, Unit = 'Count') {
  return { MetricName, Unit, Value };
}
