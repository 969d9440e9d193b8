import * as assert from 'uvu/assert';
import { FAILURES, isFailureCode } from '../../shared/failures.ts';
import { describe } from '../../shared/testing/suite.ts';
import { createPrometheus } from '../adapters/prometheus.ts';
import { createCounters } from '../metrics.ts';
import { parseExposition } from './exposition.ts';

describe('metrics', ({ test }) => {
  const scrape = async (options: Partial<Parameters<typeof createPrometheus>[0]> = {}) => {
    const { contentType, text } = await createPrometheus({
      node: 'a',
      version: '1.2.3',
      counters: createCounters(),
      connections: () => 7,
      isReady: () => true,
      probe: () => Promise.resolve({ relayMs: 0.25, postgresMs: undefined }),
      announcements: { ageMs: 1_500, replaced: 3 },
      ...options,
    })();
    assert.is(contentType, 'text/plain; version=0.0.4; charset=utf-8');
    return parseExposition(text);
  };

  test('parse, with help and type for every name, and only labels from closed sets', async () => {
    const { samples, types } = await scrape();
    assert.ok(samples.length > 40);
    const closed: Readonly<Record<string, (value: string) => boolean>> = {
      node: (value) => value === 'a',
      part: (value) => value === 'relay' || value === 'postgres',
      code: (value) => value === 'peer' || isFailureCode(value),
      protocol: (value) => value === 'hushwire.v1',
      version: (value) => value === '1.2.3',
    };
    for (const { name, labels } of samples) {
      assert.ok(types.has(name.replace(/_(sum|count|bucket)$/, '')) || types.has(name), name);
      if (!name.startsWith('hushwire_')) continue;
      for (const [label, value] of Object.entries(labels))
        assert.ok(closed[label]?.(value), `${name} ${label}`);
    }
    const ours = [...types].filter(([name]) => name.startsWith('hushwire_'));
    assert.equal(Object.fromEntries(ours), {
      hushwire_build_info: 'gauge',
      hushwire_connections: 'gauge',
      hushwire_ready: 'gauge',
      hushwire_publishes_total: 'counter',
      hushwire_deliveries_total: 'counter',
      hushwire_replayed_total: 'counter',
      hushwire_delivered_total: 'counter',
      hushwire_gaps_total: 'counter',
      hushwire_repairs_total: 'counter',
      hushwire_closes_total: 'counter',
      hushwire_command_failures_total: 'counter',
      hushwire_part_up: 'gauge',
      hushwire_announcement_age_seconds: 'gauge',
      hushwire_subscriber_replacements_total: 'counter',
      hushwire_part_round_trip_seconds: 'gauge',
    });
    for (const name of [
      'process_cpu_seconds_total',
      'process_resident_memory_bytes',
      'nodejs_eventloop_lag_p99_seconds',
    ])
      assert.ok(types.has(name), name);
  });

  test('say what was counted, each scrape anew', async () => {
    const counters = createCounters();
    const prometheus = createPrometheus({
      node: 'a',
      version: '1',
      counters,
      connections: () => 3,
      isReady: () => false,
      probe: () => Promise.resolve({ relayMs: 2, postgresMs: 4 }),
      announcements: { ageMs: 0, replaced: 0 },
    });
    counters.publishes += 5;
    counters.closes('slow_consumer');
    counters.failures('unavailable');
    const first = parseExposition((await prometheus()).text);
    assert.is(first.value('hushwire_publishes_total'), 5);
    assert.is(first.value('hushwire_connections'), 3);
    assert.is(first.value('hushwire_ready'), 0);
    assert.is(first.value('hushwire_closes_total', { code: 'slow_consumer' }), 1);
    assert.is(first.value('hushwire_closes_total', { code: 'peer' }), 0);
    assert.is(first.value('hushwire_command_failures_total', { code: 'unavailable' }), 1);
    assert.is(first.value('hushwire_part_round_trip_seconds', { part: 'postgres' }), 0.004);
    counters.publishes += 1;
    const second = parseExposition((await prometheus()).text);
    assert.is(second.value('hushwire_publishes_total'), 6);
    assert.is(second.value('hushwire_closes_total', { code: 'slow_consumer' }), 1);
    assert.is(Object.keys(FAILURES).length, second.count('hushwire_command_failures_total'));
  });

  test('a part that is away is down, and has no round trip', async () => {
    const { value } = await scrape();
    assert.is(value('hushwire_part_up', { part: 'relay' }), 1);
    assert.is(value('hushwire_part_up', { part: 'postgres' }), 0);
    assert.is(value('hushwire_announcement_age_seconds'), 1.5);
    assert.is(value('hushwire_subscriber_replacements_total'), 3);
    assert.is(value('hushwire_part_round_trip_seconds', { part: 'relay' }), 0.000_25);
    assert.is(value('hushwire_part_round_trip_seconds', { part: 'postgres' }), undefined);
  });
});
