import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { PROTOCOL } from '../../shared/frame.ts';
import type { Announcements, RoundTrips } from '../health.ts';
import type { Counters } from '../metrics.ts';

export interface PrometheusOptions {
  readonly node: string;
  readonly version: string;
  readonly counters: Counters;
  readonly connections: () => number;
  readonly isReady: () => boolean;
  readonly probe: () => Promise<RoundTrips>;
  readonly announcements: Announcements;
  /** More of what is read when it is scraped. */
  readonly gauges?: readonly Reading[];
}

/** One number of now. */
export interface Reading {
  readonly name: string;
  readonly help: string;
  readonly read: () => number;
}

export interface Exposition {
  readonly contentType: string;
  readonly text: string;
}

/** Counters of one number each: name, help, and where it stands in `Counters`. */
const NUMBERS = [
  ['publishes', 'Publications accepted from local connections, repeats included'],
  ['deliveries', 'Live publications handed to the fan-out of this node'],
  ['replayed', 'Publications replayed from a log to returning connections'],
  ['delivered', 'Mailbox items handed to connections'],
  ['gaps', 'Gaps told to connections'],
  ['repairs', 'Holes in the live feed filled from the log'],
] as const;

/**
 * The metrics of this process in Prometheus' text format. Everything is read when scraped; nothing is kept twice. The
 * labels are `code` and `part`, from closed sets, and `node` on every sample. Never rejects for a part that is away:
 * its `hushwire_part_up` is 0 and its round trip absent.
 */
export function createPrometheus(options: PrometheusOptions): () => Promise<Exposition> {
  const registry = new Registry();
  registry.setDefaultLabels({ node: options.node });
  collectDefaultMetrics({ register: registry });
  // Gauges named like counters, which Prometheus' own check refuses.
  for (const what of ['handles', 'requests', 'resources'])
    registry.removeSingleMetric(`nodejs_active_${what}_total`);
  addNode(registry, options);
  addCounters(registry, options.counters);
  addParts(registry, options.probe);
  addAnnouncements(registry, options.announcements);
  for (const { read, ...naming } of options.gauges ?? []) gauge({ registers: [registry], ...naming }, read);
  return async () => ({ contentType: registry.contentType, text: await registry.metrics() });
}

function addNode(
  registry: Registry,
  { version, connections, isReady }: Pick<PrometheusOptions, 'version' | 'connections' | 'isReady'>,
): void {
  const registers = [registry];
  new Gauge({
    name: 'hushwire_build_info',
    help: 'Version and protocol of this program; always 1',
    labelNames: ['version', 'protocol'],
    registers,
  }).set({ version, protocol: PROTOCOL }, 1);
  gauge({ registers, name: 'hushwire_connections', help: 'Open connections of this node' }, connections);
  gauge({ registers, name: 'hushwire_ready', help: '1 while this node takes new connections' }, () =>
    isReady() ? 1 : 0,
  );
}

function addCounters(registry: Registry, counters: Counters): void {
  const registers = [registry];
  for (const [key, help] of NUMBERS)
    new Counter({
      name: `hushwire_${key}_total`,
      help,
      registers,
      collect() {
        this.reset();
        this.inc(counters[key]);
      },
    });
  byCode({ registers, name: 'hushwire_closes_total', help: 'Ended connections by reason' }, counters.closed);
  byCode(
    { registers, name: 'hushwire_command_failures_total', help: 'Commands answered with failed, by code' },
    counters.failed,
  );
}

function addAnnouncements(registry: Registry, announcements: Announcements): void {
  const registers = [registry];
  const age = {
    name: 'hushwire_announcement_age_seconds',
    help: 'Time since the subscription connection that was silent for longest brought an announcement',
  };
  gauge({ registers, ...age }, () => announcements.ageMs / 1_000);
  new Counter({
    name: 'hushwire_subscriber_replacements_total',
    help: 'Subscription connections replaced because they had fallen silent',
    registers,
    collect() {
      this.reset();
      this.inc(announcements.replaced);
    },
  });
}

/** Both gauges ask the probe themselves: metrics are collected side by side, so neither can wait for the other. */
function addParts(registry: Registry, probe: () => Promise<RoundTrips>): void {
  const registers = [registry];
  const labelNames = ['part'] as const;
  new Gauge({
    name: 'hushwire_part_up',
    help: '1 while a part outside this process answers',
    labelNames,
    registers,
    async collect() {
      for (const { part, ms } of byPart(await probe())) this.set({ part }, ms === undefined ? 0 : 1);
    },
  });
  new Gauge({
    name: 'hushwire_part_round_trip_seconds',
    help: 'Last round trip to a part outside this process; absent while it does not answer',
    labelNames,
    registers,
    async collect() {
      const parts = byPart(await probe());
      this.reset();
      for (const { part, ms } of parts) if (ms !== undefined) this.set({ part }, ms / 1_000);
    },
  });
}

function byPart({ relayMs, postgresMs }: RoundTrips) {
  return [
    { part: 'relay', ms: relayMs },
    { part: 'postgres', ms: postgresMs },
  ];
}

interface Naming {
  readonly name: string;
  readonly help: string;
  readonly registers: Registry[];
}

function gauge(naming: Naming, read: () => number): void {
  new Gauge({
    ...naming,
    collect() {
      this.set(read());
    },
  });
}

function byCode(naming: Naming, counts: ReadonlyMap<string, number>): void {
  new Counter({
    ...naming,
    labelNames: ['code'],
    collect() {
      this.reset();
      for (const [code, count] of counts) this.inc({ code }, count);
    },
  });
}
