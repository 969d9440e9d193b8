import { connect, type Socket } from 'node:net';

/** What postgres.js hands to its `socket` option (its README, "Custom socket"); hosts and ports stand in pairs. */
export interface DialOptions {
  readonly host: readonly string[];
  readonly port: readonly number[];
  /** Unix socket, instead of host and port. */
  readonly path?: string | false | undefined;
}

/**
 * The TCP connection under one of the driver's. It exists for one case: when a server accepts and hangs up without a
 * word, as a balancer without backends does, the driver dials again at once and for ever, thousands of times while one
 * statement waits. Made an error, the statement fails and the next one dials after the usual pause.
 */
export function dial({ host: [host = 'localhost'], port: [port = 5432], path }: DialOptions): Socket {
  const socket = typeof path === 'string' ? connect({ path }) : connect({ host, port });
  socket.once('end', () => {
    const hungUp = Object.assign(new Error('The server hung up'), { code: 'ECONNRESET' });
    if (socket.bytesRead === 0) socket.destroy(hungUp);
  });
  // Where the driver looks for the name it verifies the server's certificate against.
  return Object.assign(socket, { host });
}
