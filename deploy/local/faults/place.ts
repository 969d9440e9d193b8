import { type OriginServer, startOrigin } from '../servers/origin.ts';
import { ISSUER } from './gate.ts';
import { type FaultProxy, startFaultProxy } from './proxy.ts';
import { pause } from './wire.ts';

export interface PlaceOptions {
  readonly name: string;
  readonly publicKeys: string;
  readonly relayUrl: string;
  readonly databaseUrl: string;
  /** Root of the tree whose code the nodes run; default this checkout. */
  readonly tree?: string | undefined;
}

/** Where one node runs, again and again, behind proxies on every side. */
export interface Place {
  /** For clients: `ws://…`, without path, through the proxy. */
  readonly url: string;
  readonly proxies: {
    readonly clients: FaultProxy;
    /** Absent on a Cluster, whose servers send whoever asks to each other. */
    readonly relay: FaultProxy | undefined;
    readonly database: FaultProxy;
  };
  /** SIGKILL, and another process in its place; resolves when that is ready. */
  crash(awayMs: number): Promise<void>;
  /** What its processes printed. */
  lines(): readonly string[];
  stop(): Promise<void>;
}

/** Between two tries to start a node whose stores do not answer. */
const RETRY_MS = 500;

export async function startPlace(options: PlaceOptions): Promise<Place> {
  const { name, publicKeys, relayUrl, databaseUrl, tree } = options;
  const relay = relayUrl.includes(',') ? undefined : await proxyTo(relayUrl);
  const database = await proxyTo(databaseUrl);
  let generation = 0;
  let isStopped = false;
  const earlier: string[] = [];
  const start = () =>
    startOrigin({
      node: `${name}-${generation}`,
      relayUrl: relay === undefined ? relayUrl : through(relayUrl, relay),
      databaseUrl: through(databaseUrl, database),
      edgeIssuer: ISSUER,
      edgeKeys: publicKeys,
      tree,
    });
  let server: OriginServer = await start();
  const clients = await startFaultProxy({ target: () => Number(new URL(server.url).port) });
  let restarting: Promise<void> | undefined;
  const restart = async (awayMs: number) => {
    await server.kill();
    earlier.push(...server.lines);
    await pause(awayMs);
    generation += 1;
    while (!isStopped) {
      try {
        server = await start();
        return;
      } catch {
        // Its stores were away for as long as it waits for them; whoever runs nodes starts them again.
        await pause(RETRY_MS);
      }
    }
  };
  return {
    url: `ws://127.0.0.1:${clients.port}`,
    proxies: { clients, relay, database },
    lines: () => [...earlier, ...server.lines],
    crash: (awayMs) => {
      restarting ??= restart(awayMs).finally(() => {
        restarting = undefined;
      });
      return restarting;
    },
    stop: async () => {
      isStopped = true;
      await restarting;
      await server.kill();
      await Promise.all([clients, relay, database].map((proxy) => proxy?.close()));
    },
  };
}

function proxyTo(url: string): Promise<FaultProxy> {
  const port = Number(new URL(url).port);
  return startFaultProxy({ target: () => port });
}

function through(url: string, { port }: FaultProxy): string {
  const changed = new URL(url);
  changed.port = String(port);
  return changed.href;
}
