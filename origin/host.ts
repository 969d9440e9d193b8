/**
 * Entry of a whole host: one node process per core behind one port (SO_REUSEPORT), started again when they end, with one
 * view of their health. It takes the variables of a node, and gives each process a name, an internal port and a health
 * port of its own. In a container, deploy/instance/init.sh is the first process and runs it: Node reaps no orphans.
 */
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { helpOf, UsageError, type Wish, wishOf } from '../shared/entry.ts';
import { ConfigurationError } from '../shared/env.ts';
import { createLog, errorFields } from '../shared/log.ts';
import { type HttpServer, startHttpServer } from './adapters/http-server.ts';
import { createServiceManager, type ServiceManager } from './adapters/service-manager.ts';
import { startWorker } from './adapters/worker-process.ts';
import { HOST_VARIABLES, type HostConfig, readHostConfig } from './config.ts';
import { createHostHealth } from './host-health.ts';
import { Supervisor } from './supervisor.ts';

/** A node that does not answer its supervisor by then is counted as down: its event loop stands. */
const ASK_TIMEOUT_MS = 2_000;
const CLOSE_GRACE_MS = 1_000;
/** What its processes get for the rest once they have drained: listeners and stores to close. */
const STOP_MARGIN_MS = 30_000;
const READY_POLL_MS = 100;

const print = (line: string) => process.stdout.write(`${line}\n`);
const log = createLog({ write: print, now: Date.now, service: 'origin' });

try {
  await begin(wishOf(process.argv.slice(2)));
} catch (error) {
  if (error instanceof ConfigurationError || error instanceof UsageError)
    process.stderr.write(`${error.message}\n`);
  else log('error', 'host.failed', errorFields(error));
  process.exit(1);
}

async function begin(wish: Wish): Promise<void> {
  if (wish === 'help') return console.log(helpOf('origin/host.ts', HOST_VARIABLES));
  const config = readHostConfig(process.env, (path) => readFileSync(path, 'utf8'));
  if (wish === 'check') return console.log('The configuration is complete.');
  await run(config);
}

async function run(config: HostConfig): Promise<void> {
  const count = config.processes || availableParallelism();
  const nodes = Array.from({ length: count }, (_, i) => `${config.node}-${i + 1}`);
  const program = join(import.meta.dirname, 'main.ts');
  const supervisor = new Supervisor({
    nodes,
    start: (node) => startWorker({ args: [program], env: environmentOf(node, config), onLine: print }),
    setTimer,
    now: Date.now,
    log,
  });
  const health = await startHttpServer({
    host: config.healthHost,
    port: config.healthPort,
    bodyBytes: 0,
    handle: createHostHealth({ nodes: () => supervisor.health(), restarts: () => supervisor.restarts, ask }),
    log,
    keepAliveMs: config.keepAliveMs,
  });
  supervisor.start();
  log('info', 'host.started', { port: health.port, count });
  const manager = createServiceManager(process.env);
  const stopMs = config.drainLeadMs + config.drainCapMs + STOP_MARGIN_MS;
  stopOnSignals({ supervisor, health, manager, stopMs });
  await firstReady(supervisor);
  manager.ready();
}

/** Resolves when the first of its processes takes connections. */
async function firstReady(supervisor: Supervisor): Promise<void> {
  while (!supervisor.health().some(({ url }) => url !== undefined))
    await new Promise((resolve) => setTimeout(resolve, READY_POLL_MS));
}

/** A process' own variables: what the host got, with a name and ports of its own. */
function environmentOf(node: string, { internalPort }: HostConfig): Record<string, string | undefined> {
  const { HUSHWIRE_ORIGIN_PROCESSES: _, ...env } = process.env;
  const index = Number(node.slice(node.lastIndexOf('-') + 1)) - 1;
  return {
    ...env,
    HUSHWIRE_ORIGIN_NODE: node,
    HUSHWIRE_ORIGIN_SHARE_PORT: 'yes',
    HUSHWIRE_ORIGIN_INTERNAL_PORT: String(internalPort === 0 ? 0 : internalPort + index),
    HUSHWIRE_ORIGIN_HEALTH_HOST: '127.0.0.1',
    HUSHWIRE_ORIGIN_HEALTH_PORT: '0',
  };
}

async function ask(url: string) {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(ASK_TIMEOUT_MS) });
    return { status: answer.status, text: await answer.text() };
  } catch {
    return undefined; // it is down, or hangs: its line in the answer says so
  }
}

function setTimer(run: () => void, ms: number): () => void {
  const timer = setTimeout(run, ms);
  return () => clearTimeout(timer);
}

/** SIGTERM and SIGINT stop every process gently, a second one at once; SIGHUP is passed on. */
function stopOnSignals({
  supervisor,
  health,
  manager,
  stopMs,
}: {
  readonly supervisor: Supervisor;
  readonly health: HttpServer;
  readonly manager: ServiceManager;
  /** The longest a stop may take. */
  readonly stopMs: number;
}): void {
  let isStopping = false;
  const stop = async () => {
    const stopped = supervisor.stop();
    if (isStopping) return;
    isStopping = true;
    manager.stopping(stopMs);
    await stopped;
    manager.close();
    await health.close(CLOSE_GRACE_MS);
    log('info', 'host.stopped');
    process.exit(0);
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void stop());
  process.on('SIGHUP', () => supervisor.reload());
}
