/** A stack behind a real HAProxy, with the configuration of deploy/docker and all of its times scaled alike. */
import { readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DRAIN, NODE_KEEP_ALIVE } from '../aws/timings.ts';
import { Endings } from '../local/endings.ts';
import { openDatabase, openRelay, openState, type Parts, pickPorts } from '../local/parts.ts';
import { createPortPicker } from '../local/ports.ts';
import { CHECKOUT } from '../local/servers/checkout.ts';
import { type EdgeServer, edgeUrl, startEdge } from '../local/servers/edge.ts';
import { startHaproxy } from '../local/servers/haproxy.ts';
import { type OriginServer, startOrigin } from '../local/servers/origin.ts';
import { temporaryDirectory } from '../local/servers/temporary.ts';
import { openStateDir } from '../local/state-dir.ts';

/** Ports of the frontends, on 127.0.0.1. */
export interface Front {
  readonly edge: number;
  readonly sockets: number;
  readonly api: number;
  readonly figures: number;
}

/** What stands behind them. */
export interface Behind {
  readonly edge: number;
  readonly nodes: readonly {
    readonly port: number;
    readonly internalPort: number;
    readonly healthPort: number;
  }[];
}

export interface Balanced {
  /** Through the balancer, as everybody comes in. */
  readonly edgeUrl: string;
  readonly front: Front;
  readonly behind: Behind;
  readonly edge: EdgeServer;
  readonly nodes: OriginServer[];
  /** Starts node `index` anew, after it ended. */
  restart(index: number): Promise<void>;
  stop(): Promise<void>;
}

export const CONFIGURATION = readFileSync(join(CHECKOUT, 'deploy', 'docker', 'haproxy.cfg'), 'utf8');

/** Every time of it times `scale`, its names and ports as given. Names are not asked for. */
export function configurationFor(
  scale: number,
  { front, behind }: Pick<Balanced, 'front' | 'behind'>,
): string {
  const ports: Record<string, number> = {
    8080: front.edge,
    8090: front.sockets,
    8091: front.api,
    8404: front.figures,
  };
  return CONFIGURATION.replace(/^resolvers names\n(?: .*\n)+/m, '')
    .replace(' resolvers names', '')
    .replaceAll(/\b(\d+)s\b/g, (_, seconds: string) => `${Math.round(Number(seconds) * scale * 1_000)}ms`)
    .replaceAll(/bind :(\d+)/g, (_, port: string) => `bind 127.0.0.1:${ports[port]}`)
    .replaceAll(/edge-1:8787/g, `127.0.0.1:${behind.edge}`)
    .replaceAll(/origin-(\d):(\d+) check port \d+/g, (_, number: string, port: string) => {
      const node = behind.nodes[Number(number) - 1];
      return `127.0.0.1:${port === '9001' ? node?.port : node?.internalPort} check port ${node?.healthPort}`;
    });
}

export async function pickFront(): Promise<Front> {
  const pick = createPortPicker();
  const [edge, sockets] = [await pick(undefined), await pick(undefined)];
  return { edge, sockets, api: await pick(undefined), figures: await pick(undefined) };
}

/** Starts it all; whatever happens on the way, nothing that was started stays. */
export async function startBalanced(
  scale: number,
  originEnv: Readonly<Record<string, string>>,
): Promise<Balanced> {
  const home = await temporaryDirectory('balanced');
  const endings = new Endings();
  endings.add('directory', () => rm(home, { recursive: true, force: true }));
  try {
    const state = await openStateDir(home, { isFresh: false });
    endings.add('directory', () => state.claim.release());
    const say = () => undefined;
    const parts: Parts = { state, endings, given: undefined, nodeCount: 2, preferred: {}, say };
    return await compose(parts, { scale, originEnv });
  } catch (error) {
    await endings.run();
    throw error;
  }
}

interface Setting {
  readonly scale: number;
  readonly originEnv: Readonly<Record<string, string>>;
}

async function compose(parts: Parts, { scale, originEnv }: Setting): Promise<Balanced> {
  const { state, endings } = parts;
  const [keys, behind, front, relayUrl, databaseUrl] = await Promise.all([
    state.keys(),
    pickPorts(parts),
    pickFront(),
    openRelay(parts),
    openDatabase(parts),
  ]);
  const rest = await openState(parts, relayUrl);
  const keepAliveMs = String(Math.round(NODE_KEEP_ALIVE * scale * 1_000));
  const socketsUrl = `ws://127.0.0.1:${front.sockets}`;
  const start = (index: number) =>
    startOrigin({
      ...behind.nodes[index],
      node: `node-${index + 1}`,
      relayUrl,
      databaseUrl,
      edgeIssuer: edgeUrl(front.edge),
      edgeKeys: keys.publicKeys,
      env: {
        HUSHWIRE_ORIGIN_PUBLIC_URL: socketsUrl,
        HUSHWIRE_ORIGIN_KEEP_ALIVE_MS: keepAliveMs,
        HUSHWIRE_ORIGIN_DRAIN_LEAD_MS: String(Math.round(DRAIN.lead * scale * 1_000)),
        ...originEnv,
      },
      onSpawn: state.claim.record,
    });
  const nodes = [await start(0), await start(1)];
  endings.add('origins', () => Promise.all(nodes.map((node) => node.stop())));
  const edge = await startEdge({
    port: behind.edge,
    keys,
    stateUrl: rest.url,
    stateToken: rest.token,
    originApi: [`http://127.0.0.1:${front.api}`],
    sockets: [socketsUrl],
    env: {
      HUSHWIRE_EDGE_PUBLIC_URL: edgeUrl(front.edge),
      HUSHWIRE_EDGE_TRUSTED_PROXIES: '127.0.0.1',
      HUSHWIRE_EDGE_KEEP_ALIVE_MS: keepAliveMs,
    },
    dir: state.deno,
    onSpawn: state.claim.record,
  });
  endings.add('edge', edge.stop);
  const haproxy = await startHaproxy({
    configuration: configurationFor(scale, { front, behind }),
    port: front.figures,
  });
  endings.add('edge', haproxy.stop);
  return {
    edgeUrl: edgeUrl(front.edge),
    front,
    behind,
    edge,
    nodes,
    restart: async (index) => {
      nodes[index] = await start(index);
    },
    stop: () => endings.run(),
  };
}
