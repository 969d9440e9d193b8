import { once } from 'node:events';
import { connect as connectTcp, createServer, type Socket } from 'node:net';

export interface HalfDeadProxy {
  /** The relay's URL by way of this proxy. */
  readonly url: string;
  /** Ends every subscription at the server; the connections stay, and go on answering. */
  unsubscribe(): void;
  /** Forwards nothing more on the connections that subscribe; they stay open. New ones are whole. */
  stall(): void;
  stop(): Promise<void>;
}

const SUNSUBSCRIBE = '*1\r\n$12\r\nSUNSUBSCRIBE\r\n';

/** A TCP proxy before a Redis that can leave its subscribing connections open and silent. */
export async function startHalfDead(target: string): Promise<HalfDeadProxy> {
  const { port, hostname } = new URL(target);
  const subscribing = new Set<{ readonly client: Socket; readonly server: Socket }>();
  const sockets = new Set<Socket>();
  const proxy = createServer((client) => {
    const server = connectTcp(Number(port), hostname);
    const pair = { client, server };
    for (const socket of [client, server]) {
      sockets.add(socket);
      // The other side learns of the end by its own.
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        subscribing.delete(pair);
        client.destroy();
        server.destroy();
      });
    }
    client.on('data', (chunk) => {
      if (String(chunk).includes('hushwire-subscriptions')) subscribing.add(pair);
    });
    client.pipe(server);
    server.pipe(client);
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  const address = proxy.address();
  const url = new URL(target);
  url.port = String(typeof address === 'object' && address !== null ? address.port : 0);
  return {
    url: url.href,
    unsubscribe: () => {
      for (const { server } of subscribing) server.write(SUNSUBSCRIBE);
    },
    stall: () => {
      for (const { client, server } of subscribing) {
        client.unpipe(server);
        server.unpipe(client);
      }
      subscribing.clear();
    },
    stop: async () => {
      const closed = once(proxy, 'close');
      proxy.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
