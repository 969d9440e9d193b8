import { join } from 'node:path';
import { CHECKOUT } from './checkout.ts';
import { readEvent } from './log-line.ts';
import { type Exit, type OnSpawn, startProcess } from './process.ts';

export interface OriginOptions {
  /** Name of the node, unique among nodes of one relay. */
  readonly node: string;
  readonly relayUrl: string;
  readonly databaseUrl: string;
  /** The edge's public URL. */
  readonly edgeIssuer: string;
  /** The edge's public keys, as in `Keys.publicKeys`. */
  readonly edgeKeys: string;
  /** As in `Keys.frankingKey`; without it nothing is stamped. */
  readonly frankingKey?: string | undefined;
  readonly webOrigins?: readonly string[] | undefined;
  /** Ports of the sockets, the internal API, and health; each is picked by the system when absent. */
  readonly port?: number | undefined;
  readonly internalPort?: number | undefined;
  readonly healthPort?: number | undefined;
  /** More `HUSHWIRE_ORIGIN_` variables. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** Root of the tree whose code it runs; default this checkout. */
  readonly tree?: string | undefined;
  readonly onSpawn?: OnSpawn | undefined;
}

/** One origin node in a process of its own. */
export interface OriginServer {
  readonly node: string;
  /** `ws://…` or, with a certificate, `wss://…`; without path. */
  readonly url: string;
  readonly internalUrl: string;
  readonly healthUrl: string;
  readonly pid: number;
  readonly lines: string[];
  readonly ended: Promise<Exit>;
  /** Closes its connections at once; resolves when it has ended. */
  stop(): Promise<void>;
  /** SIGTERM alone: it moves its connections to other nodes and ends then; killed after `timeoutMs`. */
  stopGently(timeoutMs: number): Promise<void>;
  /** SIGKILL, as a crash would. */
  kill(): Promise<void>;
}

/** Starts one origin node on 127.0.0.1. Its environment holds nothing but its own variables. */
export async function startOrigin(options: OriginOptions): Promise<OriginServer> {
  const { node, onSpawn, tree = CHECKOUT } = options;
  const child = await startProcess({
    name: `origin ${node}`,
    command: process.execPath,
    args: ['--import', 'tsx', join('origin', 'main.ts')],
    cwd: tree,
    env: { ...temporaryDirectory(), ...environment(options) },
    isReady: (line) => readEvent(line)?.event === 'origin.ready',
    hurrySignal: 'SIGINT',
    onSpawn,
  });
  const ports = readPorts(child.lines);
  return {
    ...child,
    node,
    url: `${options.env?.HUSHWIRE_ORIGIN_TLS_CERT_PATH === undefined ? 'ws' : 'wss'}://127.0.0.1:${ports('public')}`,
    internalUrl: `http://127.0.0.1:${ports('internal')}`,
    healthUrl: `http://127.0.0.1:${ports('health')}`,
  };
}

function environment(options: OriginOptions): Record<string, string> {
  const { port = 0, internalPort = 0, healthPort = 0, webOrigins = [] } = options;
  return {
    ...options.env,
    HUSHWIRE_ORIGIN_NODE: options.node,
    HUSHWIRE_ORIGIN_HOST: '127.0.0.1',
    HUSHWIRE_ORIGIN_PORT: String(port),
    HUSHWIRE_ORIGIN_INTERNAL_HOST: '127.0.0.1',
    HUSHWIRE_ORIGIN_INTERNAL_PORT: String(internalPort),
    HUSHWIRE_ORIGIN_HEALTH_HOST: '127.0.0.1',
    HUSHWIRE_ORIGIN_HEALTH_PORT: String(healthPort),
    HUSHWIRE_ORIGIN_RELAY_URL: options.relayUrl,
    HUSHWIRE_ORIGIN_DATABASE_URL: options.databaseUrl,
    HUSHWIRE_ORIGIN_EDGE_ISSUER: options.edgeIssuer,
    HUSHWIRE_ORIGIN_EDGE_KEYS: options.edgeKeys,
    HUSHWIRE_ORIGIN_FRANKING_KEY: options.frankingKey ?? '',
    HUSHWIRE_ORIGIN_WEB_ORIGINS: webOrigins.join(','),
  };
}

/** tsx keeps its compiled files there; with another one every start would compile anew. */
function temporaryDirectory(): Record<string, string> {
  const { TMPDIR } = process.env;
  return TMPDIR === undefined ? {} : { TMPDIR };
}

/** Which part listens on which port, as the node itself said. */
function readPorts(lines: readonly string[]): (part: 'public' | 'internal' | 'health') => number {
  const listening = lines.map(readEvent).filter((line) => line?.event === 'origin.listening');
  return (part) => {
    const port = listening.find((line) => line?.part === part)?.port;
    if (typeof port !== 'number') throw new Error(`Cannot use an origin that does not say its ${part} port`);
    return port;
  };
}
