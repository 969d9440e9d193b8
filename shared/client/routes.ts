import type { Admission } from './answers.ts';

/** Straight to a node, through the edge, or the first and then the other. */
export type Through = 'direct' | 'edge' | 'auto';

export interface RouteOptions {
  readonly through: Through;
  /** Node to prefer, when it takes connections. */
  readonly node: string | undefined;
  /** For `auto`: the edge was what worked last time, so it is tried first. */
  readonly prefersEdge: boolean;
}

/** One socket to try. */
export interface SocketRoute {
  readonly url: string;
  readonly isThroughEdge: boolean;
}

/** Nodes tried before the edge: all tries share one ticket of 30 s, and each may take 7. */
const DIRECT_TRIES = 2;

/** Where to open a socket, in the order to try. */
export function routesOf(admission: Admission, { through, node, prefersEdge }: RouteOptions): SocketRoute[] {
  const direct = rank(admission.origins, node)
    .slice(0, DIRECT_TRIES)
    .map(({ url }) => ({ url, isThroughEdge: false }));
  const edge = [{ url: edgeUrl(admission.socketUrl, node), isThroughEdge: true }];
  if (through === 'direct') return direct;
  if (through === 'edge') return edge;
  return prefersEdge ? [...edge, ...direct] : [...direct, ...edge];
}

function rank(origins: Admission['origins'], node: string | undefined): Admission['origins'] {
  return [...origins].sort((a, b) => Number(b.node === node) - Number(a.node === node));
}

function edgeUrl(socketUrl: string, node: string | undefined): string {
  return node === undefined ? socketUrl : `${socketUrl}?node=${encodeURIComponent(node)}`;
}
