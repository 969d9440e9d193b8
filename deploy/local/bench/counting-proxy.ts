import { once } from 'node:events';
import { createServer, request as send } from 'node:http';
import type { AddressInfo } from 'node:net';

/** When a request came by, and when its answer had passed. */
export interface Passage {
  readonly startMs: number;
  endMs: number;
}

export interface CountingProxy {
  readonly url: string;
  stop(): Promise<void>;
}

/** Passes plain HTTP on to `target` as it is, and writes down in `passages` when each request was under way. */
export async function startCountingProxy(target: string, passages: Passage[]): Promise<CountingProxy> {
  const { hostname, port } = new URL(target);
  const server = createServer((incoming, outgoing) => {
    const passage: Passage = { startMs: performance.now(), endMs: Number.POSITIVE_INFINITY };
    passages.push(passage);
    const { method, url: path, headers } = incoming;
    const onward = send({ hostname, port, method, path, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
      answer.on('end', () => {
        passage.endMs = performance.now();
      });
    });
    onward.on('error', () => outgoing.destroy());
    incoming.pipe(onward);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: async () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** How many of these came one after another: the longest chain in which each began when the one before had ended. */
export function tripsOf(passages: readonly Passage[]): number {
  const byEnd = [...passages].sort((a, b) => a.endMs - b.endMs);
  let trips = 0;
  let freeFromMs = Number.NEGATIVE_INFINITY;
  for (const { startMs, endMs } of byEnd) {
    if (startMs < freeFromMs) continue;
    trips += 1;
    freeFromMs = endMs;
  }
  return trips;
}
