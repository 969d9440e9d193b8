/**
 * Moves every connection of this node to others, a few at a time, and resolves when none is left.
 *
 * Each is told `moved` with a delay of its own, so that the other nodes and the edge are met by a steady stream and not
 * by everybody at once: clamp(connections / window, 50, 500) of them a second. A client opens its new connection first
 * and leaves this one then. One that has not left some seconds after its delay is closed with `server_draining`, which
 * means "come back now"; so is everybody when the hard cap is reached, when no other node is ready, or by `hurry`.
 *
 * Rejected: closing at a steady pace without `moved`. It needs no word in the protocol, but every client would be without
 * a connection for a while.
 */
import type { FailureCode } from '../shared/failures.ts';
import { type MovedFrame, SOCKET_PATH } from '../shared/frame.ts';
import type { NodeInfo } from '../shared/internal/relay.ts';

/** Times of a drain, in milliseconds. */
export interface DrainTimes {
  /** Goes on accepting for this long, until whoever sends connections here has noticed. */
  readonly leadMs: number;
  /** Within which the connections are spread, as far as the pace allows. */
  readonly windowMs: number;
  /** From the end of the lead; whoever is left then is closed. */
  readonly capMs: number;
}

/** What a drain needs of a connection. */
export interface Movable {
  readonly isOpen: boolean;
  send(frame: MovedFrame): void;
  close(code: FailureCode): void;
}

export interface DrainPorts {
  readonly times: DrainTimes;
  readonly connections: ReadonlySet<Movable>;
  /** Nodes that take connections, other than this one; empty when none does, or when that cannot be known. */
  readonly others: () => Promise<readonly NodeInfo[]>;
  /** After the lead: no further connection may come. */
  readonly stopListening: () => void;
  readonly now: () => number;
  readonly setTimer: (run: () => void, ms: number) => () => void;
}

/** At most this many connections move in a second, and at least that many. */
const FASTEST_PER_SECOND = 500;
const SLOWEST_PER_SECOND = 50;
/** From the end of its delay, a client needs a ticket, a connection and its channels; a busy one takes seconds. */
const MOVE_GRACE_MS = 10_000;
/** How often is looked who is left, and whether other nodes are. */
const TICK_MS = 250;
const ASK_INTERVAL_MS = 1_000;
/** Nodes named in `moved`: enough to go on when the first is gone as well. */
const NAMED_NODES = 4;

export class Drain {
  readonly #ports: DrainPorts;
  readonly #leaveByMs = new Map<Movable, number>();
  #others: readonly NodeInfo[] = [];
  #isHurried = false;
  #wake: () => void = () => undefined;

  constructor(ports: DrainPorts) {
    this.#ports = ports;
  }

  /** Runs the drain; never rejects. */
  async run(): Promise<void> {
    const { times, connections, stopListening, now } = this.#ports;
    const beginMs = now() + times.leadMs;
    while (!this.#isHurried && now() < beginMs) await this.#wait(beginMs - now());
    stopListening();
    const perSecond = paceOf(connections.size, times.windowMs);
    const endMs = now() + times.capMs;
    let slotMs = now();
    for (let askAtMs = 0; connections.size > 0; await this.#wait(TICK_MS)) {
      if (now() >= askAtMs) {
        this.#others = this.#isHurried ? [] : await this.#ports.others();
        askAtMs = now() + ASK_INTERVAL_MS;
      }
      if (this.#isHurried || this.#others.length === 0 || now() >= endMs) return this.#closeAll();
      slotMs = this.#moveNewcomers(Math.max(slotMs, now()), 1_000 / perSecond);
      this.#closeLate();
    }
  }

  /** Closes everybody at once, with the advice to come back. */
  hurry(): void {
    this.#isHurried = true;
    this.#wake();
  }

  /** Tells those that were not told yet; resolves with the first free slot. */
  #moveNewcomers(fromMs: number, stepMs: number): number {
    let slotMs = fromMs;
    for (const connection of this.#ports.connections) {
      if (!connection.isOpen || this.#leaveByMs.has(connection)) continue;
      connection.send(this.#movedAfter(Math.max(0, Math.round(slotMs - this.#ports.now()))));
      this.#leaveByMs.set(connection, slotMs + MOVE_GRACE_MS);
      slotMs += stepMs;
    }
    return slotMs;
  }

  #movedAfter(afterMs: number): MovedFrame {
    const origins = this.#others.slice(0, NAMED_NODES).map(({ node, url }) => ({
      node,
      url: `${url}${SOCKET_PATH}`,
    }));
    return { type: 'moved', afterMs, origins };
  }

  #closeLate(): void {
    const nowMs = this.#ports.now();
    for (const [connection, leaveByMs] of this.#leaveByMs)
      if (nowMs >= leaveByMs) connection.close('server_draining');
  }

  #closeAll(): void {
    for (const connection of [...this.#ports.connections]) connection.close('server_draining');
  }

  #wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#ports.setTimer(resolve, Math.min(ms, TICK_MS));
      this.#wake = () => {
        cancel();
        resolve();
      };
    });
  }
}

/** Connections to move in a second. */
export function paceOf(connections: number, windowMs: number): number {
  const wanted = connections / (windowMs / 1_000);
  return Math.min(Math.max(wanted, SLOWEST_PER_SECOND), FASTEST_PER_SECOND);
}
