import { Failure } from '../shared/failure.ts';
import type { NodeInfo } from '../shared/internal/relay.ts';
import type { Clock, Nodes, OriginApi } from './ports.ts';

/** How old the list may be: below the 7 s after which a silent node leaves the registry. */
const FRESH_MS = 5_000;
/** Share of new connections a full node is still offered, beside an empty one. */
const LEAST_WEIGHT = 0.02;

export interface NodesOptions {
  readonly origin: OriginApi;
  readonly clock: Clock;
  /** False where a call must not outlive, nor be waited for beyond, the request that made it. */
  readonly sharesCalls?: boolean;
}

/** The origin nodes, asked for at most once in 5 s; requests that come meanwhile wait for the same answer. */
export function createNodes({ origin, clock, sharesCalls = true }: NodesOptions): Nodes {
  let known: { readonly atMs: number; readonly nodes: readonly NodeInfo[] } | undefined;
  let asking: Promise<readonly NodeInfo[]> | undefined;
  const ask = async (requestId: string) => {
    const { nodes } = await origin.nodes(requestId);
    known = { atMs: clock.now(), nodes };
    return nodes;
  };
  return {
    list: (requestId) => {
      if (known !== undefined && clock.now() - known.atMs < FRESH_MS) return Promise.resolve(known.nodes);
      if (!sharesCalls) return ask(requestId);
      asking ??= ask(requestId).finally(() => {
        asking = undefined;
      });
      return asking;
    },
  };
}

/**
 * The nodes that take connections, best first for `key`: by rendezvous hashing (Thaler and Ravishankar, 1998), so that a
 * key keeps its node while others come and go; each node weighs as much as it has left (the logarithmic method of
 * Schindelhauer and Schomaker, 2005), so that new keys go where there is room. Throws `unavailable` when there is none.
 */
export function rankNodes(nodes: readonly NodeInfo[], key: string): readonly NodeInfo[] {
  const scored = nodes
    .filter((node) => !node.isDraining)
    .map((node) => ({ node, score: weigh(node) / -Math.log(unit(`${key} ${node.node}`)) }))
    .sort((a, b) => b.score - a.score || (a.node.node < b.node.node ? -1 : 1));
  if (scored.length === 0) throw new Failure('unavailable', { detail: 'No node takes connections' });
  return scored.map(({ node }) => node);
}

/** What a node has left. A full one still gets a little: it is the node's own part to refuse. */
function weigh({ fullness = 0 }: NodeInfo): number {
  return Math.max(LEAST_WEIGHT, 1 - fullness);
}

/** A number between 0 and 1, neither included, that looks random and is always the same for a text. */
function unit(text: string): number {
  return (hash(text) + 0.5) / 2 ** 32;
}

/** FNV-1a over UTF-16 units, then the finalizer of MurmurHash3, without which near keys would rank alike. */
function hash(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i += 1) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
