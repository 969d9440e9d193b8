/**
 * A TCP proxy on 127.0.0.1 that misbehaves on command. It stands between two parts that know nothing of it and, until it
 * is told otherwise, passes everything on unchanged and with backpressure: what one side does not take is not read from
 * the other, so it holds at most a socket's own buffers and `DELAYED_MAX_BYTES` a direction.
 */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { type Direction, Lane, type LaneFault } from './lane.ts';

export interface ProxyOptions {
  /** Port of 127.0.0.1 to connect to; asked anew for each connection, so that a server may come back elsewhere. */
  readonly target: () => number;
}

/** Told of no direction, a fault holds for both. Faults of lanes hold for connections that come later, too. */
export interface FaultProxy {
  readonly port: number;
  /** Pairs of sockets that are open now. */
  readonly connections: number;
  /** No byte flows, and no end; the sockets stay open. What was under way arrives once it flows again. */
  stall(direction?: Direction): void;
  /** Each byte comes so much later, in order. */
  delay(ms: number, direction?: Direction): void;
  /** Ends one direction of every open connection with a FIN; the other goes on. */
  halfClose(direction: Direction): void;
  /** Resets every open connection (RST). */
  cut(): void;
  /** Resets whoever connects from now on. */
  refuse(): void;
  /** Everything flows again, and everybody is let in. */
  heal(): void;
  /** Ends everything at once; resolves when nothing is left. */
  close(): Promise<void>;
}

interface Pair {
  readonly sockets: readonly [Socket, Socket];
  readonly lanes: Readonly<Record<Direction, Lane>>;
}

const DIRECTIONS = ['up', 'down'] as const;
const FLOWING: LaneFault = { isStalled: false, delayMs: 0 };

/** Listens on a port of its own. */
export async function startFaultProxy({ target }: ProxyOptions): Promise<FaultProxy> {
  const pairs = new Set<Pair>();
  const faults: Record<Direction, LaneFault> = { up: FLOWING, down: FLOWING };
  let isRefusing = false;
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (inner) => {
    if (isRefusing) return void inner.on('error', () => undefined).resetAndDestroy();
    const outer = connect({ host: '127.0.0.1', port: target(), allowHalfOpen: true, noDelay: true });
    const pair = join(inner, outer, faults);
    pairs.add(pair);
    inner.once('close', () => pairs.delete(pair));
  });
  server.listen({ host: '127.0.0.1', port: 0 });
  await once(server, 'listening');
  const set = (fault: Partial<LaneFault>, direction?: Direction) => {
    for (const one of direction === undefined ? DIRECTIONS : [direction]) {
      faults[one] = { ...faults[one], ...fault };
      for (const { lanes } of pairs) lanes[one].set(faults[one]);
    }
  };
  const cut = () => {
    for (const { sockets } of pairs) for (const socket of sockets) socket.resetAndDestroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    get connections() {
      return pairs.size;
    },
    stall: (direction) => set({ isStalled: true }, direction),
    delay: (delayMs, direction) => set({ delayMs }, direction),
    halfClose: (direction) => {
      for (const { lanes } of pairs) lanes[direction].end();
    },
    cut,
    refuse: () => {
      isRefusing = true;
    },
    heal: () => {
      isRefusing = false;
      set(FLOWING);
    },
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      isRefusing = true;
      cut();
      await closed;
    },
  };
}

/** Two sockets and both ways between them; when either is gone, so is the other. */
function join(inner: Socket, outer: Socket, faults: Readonly<Record<Direction, LaneFault>>): Pair {
  const lanes = { up: new Lane(inner, outer), down: new Lane(outer, inner) };
  for (const direction of DIRECTIONS) lanes[direction].set(faults[direction]);
  const sockets = [inner, outer] as const;
  for (const socket of sockets) {
    // Its `close` follows and says all that is acted on: a reset is passed on as a reset.
    socket.on('error', () => undefined);
    socket.once('close', (hadError) => {
      for (const lane of Object.values(lanes)) lane.discard();
      for (const other of sockets)
        if (hadError) other.resetAndDestroy();
        else other.destroy();
    });
  }
  return { sockets, lanes };
}
