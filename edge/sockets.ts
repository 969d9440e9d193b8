import type { NodeInfo } from '../shared/internal/relay.ts';
import { rankNodes } from './nodes.ts';
import type { Nodes, Sockets, Upgrade } from './ports.ts';
import { readAnswer, readUpgrade, requestFor } from './upgrade.ts';
import type { AllowsOrigin } from './web-origins.ts';

export interface SocketParts {
  readonly nodes: Nodes;
  readonly allowsOrigin: AllowsOrigin;
}

/** What a pass-through of sockets has to decide, without any I/O but the node list. */
export function createSockets({ nodes, allowsOrigin }: SocketParts): Sockets {
  return {
    read: (request) => readUpgrade(request, allowsOrigin),
    nodesFor: async (upgrade, requestId) => order(await nodes.list(requestId), upgrade, requestId),
    requestFor,
    readAnswer,
  };
}

/** The wanted node first, if it is there; the others in an order that differs by request, so that they share the load. */
function order(nodes: readonly NodeInfo[], { node }: Upgrade, requestId: string): readonly NodeInfo[] {
  const ranked = rankNodes(nodes, requestId);
  const wanted = ranked.filter((candidate) => candidate.node === node);
  return [...wanted, ...ranked.filter((candidate) => candidate.node !== node)];
}
