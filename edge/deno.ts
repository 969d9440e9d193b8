/**
 * Entry of the edge on Deno, the only place where its runtime, environment and signals appear.
 *
 *   deno run --no-prompt --node-modules-dir=manual --allow-env=HUSHWIRE_EDGE_* --allow-net=<own address, state, origins>
 *
 * That is all it may do: it starts nothing, and reads no file unless `--allow-read=<files>` lets it read those that
 * `<variable>_FILE` names. It asks for its variables by name, since the whole environment is not its to read; so, unlike
 * the origin, it cannot notice a variable that nobody knows. What is written in node: modules here exists in Node as well.
 */
import { readFileSync } from 'node:fs';
import process from 'node:process';
import { randomId } from '../shared/bytes.ts';
import { helpOf, UsageError, type Wish, wishOf } from '../shared/entry.ts';
import { ConfigurationError, namesOf } from '../shared/env.ts';
import { createLog, errorFields } from '../shared/log.ts';
import { createSigner } from '../shared/token.ts';
import { createEdgeMetrics, serveMetrics } from './adapters/edge-metrics-deno.ts';
import { createIdTokens } from './adapters/oidc-id-tokens.ts';
import { createOriginApi } from './adapters/origin-api.ts';
import { createRelay } from './adapters/relay-deno.ts';
import { startServer } from './adapters/server-deno.ts';
import { createUpstashLimiter } from './adapters/upstash-limiter.ts';
import { createUpstashState } from './adapters/upstash-state.ts';
import { readWebFiles } from './adapters/web-files-deno.ts';
import { clientAddress } from './address.ts';
import { createApp } from './app.ts';
import { EDGE_VARIABLES, type EdgeConfig, readConfig } from './config.ts';
import { budgetsOf } from './limits.ts';
import { createNodes } from './nodes.ts';
import type { Ports } from './ports.ts';
import { refuseWith } from './problem.ts';
import { createSockets } from './sockets.ts';
import { allowOrigins } from './web-origins.ts';

/** How long running requests may take to end after a signal: longer than any of their deadlines together. */
const CLOSE_GRACE_MS = 8_000;

const clock = { now: Date.now };
const random = { id: () => randomId() };
const log = createLog({ write: (line) => console.log(line), now: Date.now, service: 'edge' });

try {
  await begin(wishOf(process.argv.slice(2)));
} catch (error) {
  if (error instanceof ConfigurationError || error instanceof UsageError) console.error(error.message);
  else log('error', 'edge.cannot_start', errorFields(error));
  process.exit(1);
}

async function begin(wish: Wish): Promise<void> {
  if (wish === 'help') return console.log(helpOf('edge/deno.ts', EDGE_VARIABLES));
  const config = readOwnConfig();
  if (wish === 'check') return console.log('The configuration is complete.');
  await start(config);
}

async function start(config: EdgeConfig): Promise<void> {
  const lifecycle = { draining: false, isDraining: () => lifecycle.draining };
  const metrics = createEdgeMetrics(() => relay.sockets);
  const web = readWeb(config);
  let live = await build(config, { lifecycle, observe: metrics.observe, web });
  const sockets = createSockets({
    nodes: { list: (requestId) => live.nodes.list(requestId) },
    allowsOrigin: allowOrigins(config),
  });
  const refuse = refuseWith(log);
  const relay = createRelay({ sockets, refuse, random });
  const { host, port, keepAliveMs, trustedProxies } = config;
  const fetch = (request: Request, peer: string | undefined) => {
    const address = clientAddress(peer, request.headers.get('x-forwarded-for') ?? undefined, trustedProxies);
    return live.app.fetch(request, { address });
  };
  const tls = readTls(config);
  const server = await startServer({ host, port, tls, keepAliveMs, fetch, relay, refuse, random, log });
  const { metricsHost, metricsPort } = config;
  const measured =
    metricsPort === 0 ? undefined : await serveMetrics(metrics, { host: metricsHost, port: metricsPort });
  const stop = async () => {
    if (lifecycle.draining) return;
    lifecycle.draining = true;
    log('info', 'edge.stopping');
    relay.close();
    measured?.close();
    await server.close(CLOSE_GRACE_MS);
    process.exit(0);
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void stop());
  process.on('SIGHUP', async () => {
    try {
      live = await build(readOwnConfig(), { lifecycle, observe: metrics.observe, web });
      log('info', 'edge.reloaded');
    } catch (error) {
      log('error', 'edge.reload_failed', errorFields(error));
    }
  });
  log('info', 'edge.ready', { port: server.port });
}

/** What answers requests, made anew when SIGHUP reads the configuration again; addresses and ports stay. */
async function build(config: EdgeConfig, ports: Pick<Ports, 'lifecycle' | 'observe' | 'web'>) {
  const { stateUrl: url, limitProfile, limitTimeoutMs: timeoutMs } = config;
  const token = config.stateToken.reveal();
  const signer = await createSigner(config.publicUrl, config.signingKeys.reveal());
  const origin = createOriginApi({ urls: config.originApi, signer, clock, random });
  const state = createUpstashState({ url, token });
  const nodes = createNodes({ origin, clock });
  const budgets = budgetsOf(limitProfile);
  const limiter = createUpstashLimiter({ url, token, budgets, timeoutMs, log });
  const { oidcIssuer: issuer, oidcClientId: clientId } = config;
  const idTokens = issuer === '' ? undefined : createIdTokens({ issuer, clientId });
  const all = { state, origin, nodes, limiter, clock, random, log, idTokens, ...ports };
  const app = await createApp(all, config);
  return { app, nodes };
}

function readOwnConfig(): EdgeConfig {
  return readConfig(readEnvironment(), (path) => readFileSync(path, 'utf8'));
}

/** Read once: a new build is served from the next start. Throws ConfigurationError when there is none. */
function readWeb({ webDir }: EdgeConfig) {
  if (webDir === '') return undefined;
  try {
    return readWebFiles(webDir);
  } catch (error) {
    const why = error instanceof Error ? error.message : 'unreadable';
    throw new ConfigurationError([`HUSHWIRE_EDGE_WEB_DIR holds no built web messenger (${why})`]);
  }
}

/** Throws ConfigurationError when a file cannot be read. */
function readTls({ tlsCertPath, tlsKeyPath }: EdgeConfig) {
  if (tlsCertPath === '') return undefined;
  const read = (path: string) => readFileSync(path, 'utf8');
  try {
    return { cert: read(tlsCertPath), key: read(tlsKeyPath) };
  } catch (error) {
    const why = error instanceof Error ? error.message : 'unreadable';
    throw new ConfigurationError([`HUSHWIRE_EDGE_TLS_… names a file that cannot be read (${why})`]);
  }
}

function readEnvironment(): Record<string, string | undefined> {
  return Object.fromEntries(namesOf(EDGE_VARIABLES).map((name) => [name, process.env[name]]));
}
