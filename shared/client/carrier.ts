import { Failure } from '../failure.ts';
import type { MovedFrame } from '../frame.ts';
import type { Admission } from './answers.ts';
import type { Api } from './api.ts';
import type { OpenChannel } from './channel.ts';
import type { Clock } from './clock.ts';
import { Connection, type End, type MailEvent, openConnection } from './connection.ts';
import type { Backoff } from './retry.ts';
import { type RouteOptions, routesOf, type SocketRoute } from './routes.ts';
import type { OpenSocket } from './socket.ts';
import { Subscriptions } from './subscriptions.ts';

/** One open connection with what is read over it. */
export interface Carrier {
  readonly connection: Connection;
  readonly subscriptions: Subscriptions;
  readonly route: SocketRoute;
  /** Resolves when the node says that it is going away; never does otherwise. */
  readonly moved: Promise<MovedFrame>;
}

export interface CarrierPorts {
  readonly api: Pick<Api, 'connect'>;
  readonly openSocket: OpenSocket;
  readonly clock: Clock;
  readonly backoff: Backoff;
  readonly wanted: ReadonlyMap<string, OpenChannel>;
  readonly onLive: () => void;
  readonly onMail: (event: MailEvent, from: Connection) => void;
}

/**
 * Opens a connection on the first route that works; resolves to why none did otherwise. A ticket is good for whatever
 * node reads it first, so a place that cannot be reached is followed by another. Never rejects.
 */
export async function openCarrier(
  admission: Admission,
  routing: RouteOptions,
  { ports, signal }: { readonly ports: CarrierPorts; readonly signal: AbortSignal },
): Promise<Carrier | End> {
  let last: End = {
    failure: new Failure('unavailable', { detail: 'No node to connect to' }),
    mayReturn: true,
  };
  for (const route of routesOf(admission, routing)) {
    if (signal.aborted) break;
    const opened = await openOn(route, admission.ticket, { ports, signal });
    if ('connection' in opened) return opened;
    last = opened;
    if (!last.mayReturn || last.failure.retry === 'new-ticket') break;
  }
  return last;
}

async function openOn(
  route: SocketRoute,
  ticket: string,
  { ports, signal }: { readonly ports: CarrierPorts; readonly signal: AbortSignal },
): Promise<Carrier | End> {
  const { openSocket, clock } = ports;
  let subscriptions: Subscriptions | undefined;
  let onMoved: (frame: MovedFrame) => void = () => undefined;
  const moved = new Promise<MovedFrame>((resolve) => {
    onMoved = resolve;
  });
  const connection = await openConnection({
    url: route.url,
    ticket,
    openSocket,
    clock,
    signal,
    onEvent: (event, from) => {
      if (event.type === 'delivery' || event.type === 'detached') ports.onMail(event, from);
      else subscriptions?.receive(event);
    },
    onMoved,
  });
  if (!(connection instanceof Connection)) return connection;
  subscriptions = new Subscriptions({ ...ports, connection });
  return { connection, subscriptions, route, moved };
}
