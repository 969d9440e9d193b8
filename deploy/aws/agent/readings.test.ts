import * as assert from 'uvu/assert';
import { describe } from '../../../shared/testing/suite.ts';
import { readMetrics } from './readings.ts';

const TEXT = `# HELP hushwire_connections open
hushwire_connections{node="a-1"} 300
hushwire_connections{node="a-2"} 500
hushwire_connection_limit{node="a-1"} 1000
hushwire_connection_limit{node="a-2"} 1000
hushwire_event_loop_utilization{node="a-1"} 0.2
hushwire_event_loop_utilization{node="a-2"} 0.9
hushwire_publishes_total{node="a-1"} 1000
hushwire_command_failures_total{node="a-1",code="unavailable"} 3
hushwire_command_failures_total{node="a-2",code="internal"} 2
hushwire_command_failures_total{node="a-2",code="forbidden"} 99
`;
const valuesOf = (reading: ReturnType<typeof readMetrics>) =>
  Object.fromEntries(reading.data.map(({ MetricName, Value }) => [MetricName, Value]));

describe('readings', ({ test }) => {
  test('are of the whole instance, and of its busiest process', () => {
    const reading = readMetrics(TEXT, { isReady: true });
    assert.equal(valuesOf(reading), { ConnectionUtilization: 40, EventLoopUtilization: 90, Ready: 1 });
    assert.equal(reading.counters, { publishes: 1000, failures: 5 });
  });

  test('count commands since the one before, and only faults of the service', () => {
    const reading = readMetrics(TEXT, { isReady: false, before: { publishes: 900, failures: 1 } });
    const { Commands, CommandFailures, Ready } = valuesOf(reading);
    assert.equal([Commands, CommandFailures, Ready], [104, 4, 0]);
  });

  test('begin anew where a process did', () => {
    const reading = readMetrics(TEXT, { isReady: true, before: { publishes: 5000, failures: 50 } });
    assert.equal([valuesOf(reading).Commands, valuesOf(reading).CommandFailures], [1005, 5]);
  });

  test('of nothing are nothing, not a division by it', () => {
    assert.equal(valuesOf(readMetrics('', { isReady: false })), {
      ConnectionUtilization: 0,
      EventLoopUtilization: 0,
      Ready: 0,
    });
  });
});
