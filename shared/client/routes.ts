import type { Admission } from './answers.ts';

/** Straight to a node, through the edge, or the first and then the other. */
export type Through = 'direct' | 'edge' | 'auto';

export interface RouteOptions {
  readonly through: Through;
  /** Node to prefer, when it takes connections. */
  readonly node: string | undefined;
  /** For `auto`: the edge was what worked last time, so it is tried first. */
  readonly prefersEdge: boolean;
  /** Node that is being left: not gone to while there is another. */
  readonly leaving?: string | undefined;
}

/** One socket to try. */
export interface SocketRoute {
  readonly url: string;
  readonly isThroughEdge: boolean;
}

/** Nodes tried before the edge: all tries share one ticket of 30 s, and each may take 7. */
const DIRECT_TRIES = 2;

/** Where to open a socket, in the order to try. */
export function routesOf(admission: Admission, options: RouteOptions): SocketRoute[] {
  const { through, prefersEdge, leaving } = options;
  const node = options.node === leaving ? undefined : options.node;
  const origins = rank(
    admission.origins.filter((origin) => origin.node !== leaving),
    node,
  );
  const direct = origins.slice(0, DIRECT_TRIES).map(({ url }) => ({ url, isThroughEdge: false }));
  // Without a name the edge might choose the node that is being left, whose end it may not have noticed yet.
  const named = leaving === undefined ? node : origins[0]?.node;
  const edge = [{ url: edgeUrl(admission.socketUrl, named), isThroughEdge: true }];
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
