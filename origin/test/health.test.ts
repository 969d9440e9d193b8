import * as assert from 'uvu/assert';
import { startPostgres } from '../../deploy/local/servers/postgres.ts';
import type { RunningServer } from '../../deploy/local/servers/process.ts';
import { startRedis } from '../../deploy/local/servers/redis.ts';
import type { Problem } from '../../shared/failure.ts';
import { until } from '../../shared/testing/expect.ts';
import { describe } from '../../shared/testing/suite.ts';
import { type HttpServer, startHttpServer } from '../adapters/http-server.ts';
import type { PostgresPool } from '../adapters/postgres-pool.ts';
import { memoryLimitBytes, watchLoad } from '../adapters/process-load.ts';
import { createPrometheus } from '../adapters/prometheus.ts';
import { openRelay } from '../adapters/redis-relay.ts';
import { createHealth, createProbe, type HealthPorts, MAX_ANNOUNCEMENT_AGE_MS } from '../health.ts';
import { createCounters } from '../metrics.ts';
import { parseExposition } from './exposition.ts';
import { openRecords } from './records-fixtures.ts';

const LIMITS = { eventLoopLagMs: 500, residentBytes: 1e9, connections: 100 };
const log = () => undefined;
const LISTENER = { host: '127.0.0.1', port: 0, bodyBytes: 0, keepAliveMs: 95_000 };

describe('health', ({ test, afterEach }) => {
  const servers: HttpServer[] = [];
  const start = async (ports: Partial<HealthPorts> = {}) => {
    const handle = createHealth({
      node: 'a',
      version: '1.2.3',
      state: () => 'ready',
      connections: () => 7,
      isSuspended: () => false,
      keys: 1,
      load: () => ({ eventLoopLagMs: 1, residentBytes: 1e6 }),
      limits: LIMITS,
      probe: () => Promise.resolve({ relayMs: 0.25, postgresMs: 1.5 }),
      announcements: { ageMs: 120, replaced: 2 },
      metrics: () => Promise.resolve({ contentType: 'text/plain', text: 'x 1\n' }),
      ...ports,
    });
    const server = await startHttpServer({ ...LISTENER, handle, log });
    servers.push(server);
    return (path: string, method = 'GET') => fetch(`http://127.0.0.1:${server.port}${path}`, { method });
  };
  afterEach(async () => {
    for (const server of servers.splice(0)) await server.close(0);
  });

  test('every answer is one no cache keeps, of its own kind, also to HEAD', async () => {
    const get = await start();
    for (const [path, type] of [
      ['/livez', 'application/json'],
      ['/readyz', 'application/json'],
      ['/healthz', 'application/json'],
      ['/metrics', 'text/plain'],
      ['/livez?verbose', 'application/json'],
    ] as const)
      for (const method of ['GET', 'HEAD']) {
        const response = await get(path, method);
        assert.is(response.status, 200, path);
        assert.is(response.headers.get('cache-control'), 'no-store');
        assert.is(response.headers.get('content-type'), type);
      }
  });

  test('other addresses are not found, other methods not allowed, bodies too large', async () => {
    const get = await start();
    for (const path of ['/', '/health', '/livez/', '/metrics/x', '/..%2flivez']) {
      const response = await get(path);
      assert.is(((await response.json()) as Problem).code, 'not_found', path);
    }
    const posted = await get('/readyz', 'DELETE');
    assert.is(posted.status, 405);
    assert.is(posted.headers.get('allow'), 'GET, HEAD');
    assert.is(posted.headers.get('cache-control'), 'no-store');
    const { url } = posted;
    assert.is((await fetch(url, { method: 'POST', body: 'x' })).status, 413);
  });

  test('livez answers in every state', async () => {
    for (const state of ['starting', 'ready', 'draining', 'stopped'] as const) {
      const get = await start({ state: () => state });
      assert.is((await get('/livez')).status, 200, state);
    }
  });

  test('readyz is red while starting, draining, stopped, without keys, suspended, late, large or full, and says why', async () => {
    const load = { eventLoopLagMs: 1, residentBytes: 1e6 };
    const cases: readonly (readonly [Partial<HealthPorts>, string])[] = [
      [{ state: () => 'starting' }, 'starting'],
      [{ state: () => 'draining' }, 'draining'],
      [{ state: () => 'stopped' }, 'stopped'],
      [{ keys: 0 }, 'keys'],
      [{ isSuspended: () => true }, 'suspended'],
      [{ load: () => ({ ...load, eventLoopLagMs: LIMITS.eventLoopLagMs + 1 }) }, 'event_loop'],
      [{ load: () => ({ ...load, residentBytes: LIMITS.residentBytes + 1 }) }, 'memory'],
      [{ connections: () => LIMITS.connections }, 'connections'],
    ];
    for (const [ports, reason] of cases) {
      const response = await (await start(ports))('/readyz');
      assert.is(response.status, 503, reason);
      assert.equal(await response.json(), { status: 'not ready', reasons: [reason] });
    }
  });

  test('readyz at the limits is green, and never asks a shared part', async () => {
    const get = await start({
      load: () => ({ eventLoopLagMs: LIMITS.eventLoopLagMs, residentBytes: LIMITS.residentBytes }),
      connections: () => LIMITS.connections - 1,
      probe: () => Promise.reject(new Error('asked')),
    });
    assert.equal(await (await get('/readyz')).json(), { status: 'ready' });
  });

  test('healthz gives the numbers', async () => {
    const response = await (await start())('/healthz');
    assert.is(response.status, 200);
    assert.equal(await response.json(), {
      status: 'ok',
      node: 'a',
      version: '1.2.3',
      protocol: 'hushwire.v1',
      state: 'ready',
      notReady: [],
      connections: { current: 7, limit: 100 },
      relay: { isUp: true, roundTripMs: 0.25 },
      announcements: { ageMs: 120, limitMs: MAX_ANNOUNCEMENT_AGE_MS, replaced: 2 },
      postgres: { isUp: true, roundTripMs: 1.5 },
      eventLoop: { lagMs: 1, limitMs: 500 },
      memory: { residentBytes: 1e6, limitBytes: 1e9 },
    });
  });

  test('healthz is red for a part that is away and for a node that is not ready', async () => {
    const away = await start({ probe: () => Promise.resolve({ relayMs: undefined, postgresMs: 1 }) });
    const response = await away('/healthz');
    assert.is(response.status, 503);
    const { status, relay, postgres } = (await response.json()) as Record<string, unknown>;
    assert.equal([status, relay, postgres], ['degraded', { isUp: false }, { isUp: true, roundTripMs: 1 }]);
    for (const [ageMs, code] of [
      [MAX_ANNOUNCEMENT_AGE_MS, 200],
      [MAX_ANNOUNCEMENT_AGE_MS + 1, 503],
    ] as const) {
      const silent = await start({ announcements: { ageMs, replaced: 0 } });
      assert.is((await silent('/healthz')).status, code);
      assert.is((await silent('/readyz')).status, 200);
    }
    const draining = await start({ state: () => 'draining' });
    assert.is((await draining('/healthz')).status, 503);
  });

  test('the probe asks once a second, however many want to know, and a failure is no rejection', async () => {
    let nowMs = 0;
    let asked = 0;
    const pingPostgres = () => {
      asked += 1;
      return asked === 1 ? Promise.resolve(2) : Promise.reject(new Error('away'));
    };
    const probe = createProbe({ pingRelay: () => 1, pingPostgres, now: () => nowMs });
    const first = await Promise.all(Array.from({ length: 50 }, () => probe()));
    assert.equal(first[49], { relayMs: 1, postgresMs: 2 });
    nowMs = 999;
    await probe();
    assert.is(asked, 1);
    nowMs = 1_000;
    assert.equal(await probe(), { relayMs: 1, postgresMs: undefined });
    assert.is(asked, 2);
  });

  test('a relay that throws at once is a part that is away', async () => {
    const pingRelay = () => {
      throw new Error('away');
    };
    const probe = createProbe({ pingRelay, pingPostgres: () => Promise.resolve(1), now: Date.now });
    assert.equal(await probe(), { relayMs: undefined, postgresMs: 1 });
  });
});

describe('load of this process', ({ test }) => {
  test('tells what it holds and how late it is, and may be asked at once', async () => {
    const load = watchLoad();
    const { eventLoopLagMs, residentBytes } = load.read();
    assert.is(eventLoopLagMs, 0);
    assert.ok(residentBytes > 1e7 && residentBytes < memoryLimitBytes());
    // Once blocked for 300 ms, the watch sees it in its next samples.
    await until(
      () => {
        const endMs = performance.now() + 300;
        while (performance.now() < endMs);
        return load.read().eventLoopLagMs > 100;
      },
      { what: 'the lag' },
    );
    load.stop();
  });
});

describe('health over real parts', ({ test, before, after }) => {
  let redis: RunningServer;
  let postgres: RunningServer;
  let relay: Awaited<ReturnType<typeof openRelay>>;
  let pool: PostgresPool;
  let server: HttpServer;
  before(async () => {
    [redis, postgres] = await Promise.all([startRedis(), startPostgres()]);
    relay = await openRelay({ urls: [redis.url], log, now: Date.now, retentionHours: 1 }, 3_000);
    const opened = openRecords(postgres.url);
    pool = opened.pool;
    const probe = createProbe({
      pingRelay: () => relay.commands.roundTripMs,
      pingPostgres: () => opened.records.ping(),
      now: Date.now,
    });
    const announcements = relay.probe;
    const shared = {
      node: 'a',
      version: '1',
      connections: () => 0,
      isSuspended: () => false,
      probe,
      announcements,
    };
    const handle = createHealth({
      ...shared,
      state: () => 'ready',
      keys: 1,
      load: () => ({ eventLoopLagMs: 1, residentBytes: 1e6 }),
      limits: LIMITS,
      metrics: createPrometheus({ ...shared, counters: createCounters(), isReady: () => true }),
    });
    server = await startHttpServer({ ...LISTENER, handle, log });
  });
  after(async () => {
    await server.close(0);
    await pool.close();
    relay.close();
    await Promise.all([redis.stop(), postgres.stop()]);
  });
  const get = async (path: string) => fetch(`http://127.0.0.1:${server.port}${path}`);

  test('is well, then tells which part went away while the node stays ready', async () => {
    await until(async () => (await get('/healthz')).status === 200, { what: 'both round trips' });
    await postgres.stop();
    await until(
      async () => {
        const { relay: first, postgres: second } = (await (await get('/healthz')).json()) as {
          relay: { isUp: boolean };
          postgres: { isUp: boolean };
        };
        return first.isUp && !second.isUp;
      },
      { what: 'Postgres to be missed' },
    );
    assert.is((await get('/readyz')).status, 200);
    await redis.stop();
    await until(
      async () => {
        const { value } = parseExposition(await (await get('/metrics')).text());
        return (
          value('hushwire_part_up', { part: 'relay' }) === 0 &&
          value('hushwire_part_up', { part: 'postgres' }) === 0
        );
      },
      { what: 'both to be missed' },
    );
    assert.is((await get('/healthz')).status, 503);
    assert.is((await get('/readyz')).status, 200);
  });
}, 20_000);
