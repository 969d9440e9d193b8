/** Entry of an origin node: configuration, adapters, the node, signals; the only place that knows them all. */
import { readFileSync } from 'node:fs';
import { fromBase64Url } from '../shared/bytes.ts';
import { helpOf, UsageError, type Wish, wishOf } from '../shared/entry.ts';
import { ConfigurationError } from '../shared/env.ts';
import { INTERNAL_BODY_BYTES } from '../shared/internal/calls.ts';
import { createLog, errorFields } from '../shared/log.ts';
import { createVerifier, type Verifier } from '../shared/token.ts';
import { type HttpServer, startHttpServer } from './adapters/http-server.ts';
import { MigrationRefused } from './adapters/postgres-migrate.ts';
import { memoryLimitBytes, type ProcessLoad, watchLoad } from './adapters/process-load.ts';
import { createPrometheus } from './adapters/prometheus.ts';
import { createStamper } from './adapters/stamper.ts';
import { readStatusFiles } from './adapters/status-files.ts';
import { openStores, type Stores } from './adapters/stores.ts';
import { startUwsServer, type UwsServer, type UwsServerOptions } from './adapters/uws-server.ts';
import { ORIGIN_VARIABLES, type OriginConfig, readConfig } from './config.ts';
import { fullness } from './fullness.ts';
import { createHealth, createProbe, type LoadLimits } from './health.ts';
import { createInternalApi } from './internal/api.ts';
import { createCounters } from './metrics.ts';
import { OriginNode } from './node.ts';
import { nodeReadings } from './readings.ts';
import { Revocations } from './revocations.ts';
import { withStatus } from './status.ts';

/** A node that is later than this takes no new connections: replies to those it has come first. */
const MAX_EVENT_LOOP_LAG_MS = 500;
const MAX_CONNECTIONS = 19_000;
/** What an idle internal call may still need after the sockets are gone. */
const CLOSE_GRACE_MS = 1_000;

const log = createLog({
  write: (line) => process.stdout.write(`${line}\n`),
  now: Date.now,
  service: 'origin',
});

try {
  await begin(wishOf(process.argv.slice(2)));
} catch (error) {
  if (isPlain(error)) process.stderr.write(`${error.message}\n`);
  else log('error', 'origin.failed', errorFields(error));
  process.exit(1);
}

/** Whether the message alone says what is wrong and what to do. */
function isPlain(error: unknown): error is Error {
  return [UsageError, ConfigurationError, MigrationRefused].some((kind) => error instanceof kind);
}

async function begin(wish: Wish): Promise<void> {
  if (wish === 'help') return console.log(helpOf('origin/main.ts', ORIGIN_VARIABLES));
  const config = readOwnConfig();
  if (wish === 'check') return console.log('The configuration is complete.');
  await run(config);
}

function readOwnConfig(): OriginConfig {
  return readConfig(process.env, (path) => readFileSync(path, 'utf8'));
}

async function run(config: OriginConfig): Promise<void> {
  const stores = await openStores(config, log);
  const counters = createCounters();
  const verifier = createReloadableVerifier(config);
  const revocations = new Revocations({
    records: stores.revocations,
    control: stores.control,
    rereadMs: config.revocationReadSeconds * 1_000,
    now: Date.now,
    log,
    setTimer,
  });
  const load = watchLoad();
  const limits = loadLimits();
  // The listener needs the node for its sockets, the node needs the listener for its fan-out.
  let server: UwsServer | undefined;
  const node = new OriginNode({
    node: config.node,
    limits: config,
    broker: stores.broker,
    mailboxes: stores.mailboxes,
    presences: stores.presences,
    registry: stores.registry,
    redemptions: stores.redemptions,
    revocations,
    verifier,
    fanOut: (channel, text) => server?.fanOut(channel, text),
    log,
    now: Date.now,
    counters,
    stamper: config.frankingKey === '' ? undefined : createStamper(fromBase64Url(config.frankingKey)),
    fullness: () => fullness(node.connections, load.read(), limits),
    setTimer,
  });
  server = await startUwsServer({
    host: config.host,
    port: config.port,
    isShared: config.sharePort === 'yes',
    tls: tlsOf(config),
    webOrigins: config.webOrigins,
    refusal: () => node.refusal(),
    onOpen: (socket) => node.accept(socket),
    frameBytes: config.frameBytes,
    outboxBytes: config.outboxBytes,
    idleSeconds: config.socketIdleSeconds,
  });
  const internal = await startHttpServer({
    host: config.internalHost,
    port: config.internalPort,
    bodyBytes: INTERNAL_BODY_BYTES,
    handle: createInternalApi({
      ...stores,
      limits: config,
      onRevoked: (tags) => revocations.announce(tags),
      setTimer,
      verifier,
      now: Date.now,
      log,
    }),
    log,
    keepAliveMs: config.keepAliveMs,
  });
  const health = await startHealth({ config, node, counters, stores, load, limits, revocations });
  const scheme = tlsOf(config) === undefined ? 'ws' : 'wss';
  await node.start(config.publicUrl || `${scheme}://${config.host}:${server.port}`);
  announce(config.node, { public: server.port, internal: internal.port, health: health.port });
  stopOnSignals({ config, node, server, listeners: [internal, health], stores });
}

function tlsOf({ tlsCertPath: certPath, tlsKeyPath: keyPath }: OriginConfig): UwsServerOptions['tls'] {
  return certPath === '' ? undefined : { certPath, keyPath };
}

/** Beyond any of these the node takes no new connections. */
function loadLimits(): LoadLimits {
  return {
    eventLoopLagMs: MAX_EVENT_LOOP_LAG_MS,
    residentBytes: memoryLimitBytes(),
    connections: MAX_CONNECTIONS,
  };
}

/** Verifies with the edge's keys, which SIGHUP reads again; while the new ones are faulty, the old ones stay. */
function createReloadableVerifier({ edgeIssuer, edgeKeys }: OriginConfig): Verifier {
  let current = createVerifier(edgeIssuer, edgeKeys);
  process.on('SIGHUP', () => {
    try {
      const { edgeKeys: keys } = readOwnConfig();
      current = createVerifier(edgeIssuer, keys);
      log('info', 'origin.reloaded', { count: keys.keys.length });
    } catch (error) {
      log('error', 'origin.reload_failed', errorFields(error));
    }
  });
  return { verify: (kind, token, nowMs) => current.verify(kind, token, nowMs) };
}

function setTimer(run: () => void, ms: number): () => void {
  const timer = setTimeout(run, ms);
  return () => clearTimeout(timer);
}

interface HealthParts {
  readonly config: OriginConfig;
  readonly node: OriginNode;
  readonly counters: ReturnType<typeof createCounters>;
  readonly stores: Stores;
  readonly load: ProcessLoad;
  readonly limits: LoadLimits;
  readonly revocations: Revocations;
}

function startHealth({ config, counters, ...parts }: HealthParts): Promise<HttpServer> {
  const { node, stores, load, limits, revocations } = parts;
  const probe = createProbe({
    pingRelay: () => stores.commands.roundTripMs,
    pingPostgres: () => stores.records.ping(),
    now: Date.now,
  });
  const shared = {
    node: config.node,
    version: readVersion(),
    connections: () => node.connections,
    probe,
    announcements: stores.probe,
  };
  const handle = createHealth({
    ...shared,
    state: () => node.state,
    isSuspended: () => node.isSuspended,
    keys: config.edgeKeys.keys.length,
    load: () => load.read(),
    limits,
    metrics: createPrometheus({
      ...shared,
      counters,
      isReady: () => node.state === 'ready',
      gauges: nodeReadings({ node, stores, load, limits, revocations }),
    }),
  });
  const shown = withStatus(
    {
      files: readStatusFiles(),
      health: () => handle({ method: 'GET', path: '/healthz', headers: {}, body: new Uint8Array() }),
      totals: () => ({ publishes: counters.publishes, deliveries: counters.deliveries }),
      relayLagMs: () => stores.probe.lagMs,
      nodes: () => stores.registry.nodes(),
      now: Date.now,
    },
    handle,
  );
  return startHttpServer({
    host: config.healthHost,
    port: config.healthPort,
    bodyBytes: 0,
    handle: shown,
    log,
    keepAliveMs: config.keepAliveMs,
  });
}

/** Says on which ports this node listens, and then that it is ready; whoever started it waits for that line. */
function announce(node: string, ports: Readonly<Record<string, number>>): void {
  for (const [part, port] of Object.entries(ports)) log('info', 'origin.listening', { node, part, port });
  log('info', 'origin.ready', { node });
}

interface Running {
  readonly config: OriginConfig;
  readonly node: OriginNode;
  readonly server: UwsServer;
  readonly listeners: readonly HttpServer[];
  readonly stores: Stores;
}

/**
 * SIGTERM and SIGINT, and the end of a supervisor: connections are moved to other nodes, then the process ends with 0. A
 * second signal closes what is left at once. The internal API goes on meanwhile: an edge may have no other.
 */
function stopOnSignals({ config, node, server, listeners, stores }: Running): void {
  let isStopping = false;
  const stop = async (): Promise<void> => {
    if (isStopping) return node.hurry();
    isStopping = true;
    const { drainLeadMs: leadMs, drainWindowMs: windowMs, drainCapMs: capMs } = config;
    await node.drain({ leadMs, windowMs, capMs }, () => server.stopListening());
    await Promise.all(listeners.map((listener) => listener.close(CLOSE_GRACE_MS)));
    server.close();
    await stores.close();
    log('info', 'origin.stopped');
    process.exit(0);
  };
  const begin = () => {
    stop().catch((error: unknown) => {
      log('error', 'origin.stop_failed', errorFields(error));
      process.exit(1);
    });
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, begin);
  process.on('disconnect', begin);
}

function readVersion(): string {
  const manifest = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}
