import type { NodeInfo } from '../../shared/internal/relay.ts';
import type { StubConnection } from './stub-node.ts';

/** An edge whose sockets go to the given nodes. */
export interface RelayUnderTest {
  readonly port: number;
  /** Whether client and node agree on extensions themselves; on workerd the runtime agrees to none. */
  readonly passesExtensions: boolean;
  /** From now on these are the nodes. */
  setNodes(nodes: readonly NodeInfo[]): Promise<void> | void;
}

/** The web origin that the edge under test must allow, besides its own. */
export const ALLOWED_ORIGIN = 'https://chat.example';
/** What a client of ours offers. */
export const SUBPROTOCOLS = ['hushwire.v1', 'hushwire.ticket.aaaa.bbbb.cccc'];

/** A node that takes connections. */
export function nodeAt(node: string, url: string): NodeInfo {
  return { node, url, connections: 0, isDraining: false };
}

/** Refuses as a node does, with problem details. */
export function refuse({ socket }: StubConnection, status: number, code: string): void {
  const body = JSON.stringify({ status, code, detail: 'for the edge only' });
  socket.end(
    `HTTP/1.1 ${status} ${code}\r\ncontent-type: application/problem+json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  );
}
