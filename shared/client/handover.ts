/**
 * Leaves a node that is going away without being away: the new connection is opened and carries every channel before the
 * old one is closed. Meanwhile publications come twice and pass once (stream.ts); what this client publishes waits for
 * the moment of the change, so that it keeps its order.
 */
import { Failure, toFailure } from '../failure.ts';
import type { MovedFrame } from '../frame.ts';
import { LIMITS } from '../limits.ts';
import type { Admission } from './answers.ts';
import { type Carrier, type CarrierPorts, openCarrier } from './carrier.ts';
import { wait } from './clock.ts';
import { pauseMs } from './retry.ts';
import type { RouteOptions } from './routes.ts';

export interface HandoverOptions {
  readonly ports: CarrierPorts;
  readonly routing: Omit<RouteOptions, 'prefersEdge' | 'leaving'>;
  /** The client is closed. */
  readonly signal: AbortSignal;
  /** From now on nothing must be sent over the old connection. */
  readonly onHold: () => void;
}

/** Longest wait for answers that are still to come over the old connection. */
const QUIET_DEADLINE_MS = 5_000;

/**
 * Waits as the node asked and opens a successor on another one. Resolves to it once it carries every channel and the old
 * connection has nothing more to answer; the caller closes that. Resolves to undefined when the old connection ended
 * before there was another. Never rejects.
 */
export async function handOver(
  old: Carrier,
  { afterMs }: Pick<MovedFrame, 'afterMs'>,
  options: HandoverOptions,
): Promise<Carrier | undefined> {
  const over = new AbortController();
  const signal = AbortSignal.any([over.signal, options.signal]);
  void old.connection.ended.then(() => over.abort(new Failure('unavailable')));
  try {
    await wait(options.ports.clock, afterMs, signal);
    const carrier = await openSuccessor(old, signal, options);
    options.onHold();
    await quiet(old, options);
    return carrier;
  } catch (error) {
    // The wait was ended, by the old connection's end or by the application: there is nothing to hand over.
    if (signal.aborted) return undefined;
    throw error;
  }
}

/**
 * A successor that carries every channel. Tries until it has one, with growing pauses; rejects only when the old
 * connection ended or the client was closed.
 */
async function openSuccessor(old: Carrier, signal: AbortSignal, options: HandoverOptions): Promise<Carrier> {
  const { ports, routing } = options;
  const route = { ...routing, prefersEdge: old.route.isThroughEdge, leaving: old.connection.node };
  for (let attempt = 0; ; attempt += 1) {
    let failure: Failure;
    try {
      const ids = [...ports.wanted.keys()].slice(0, LIMITS.channelsPerCall);
      const admission = await ports.api.connect(ids, signal);
      // Once open it outlives the old connection, so it is not tied to that one's end.
      const opened = await openCarrier(admission, route, { ports, signal: options.signal });
      if (!('connection' in opened)) failure = opened.failure;
      else if (await carriesAll(old, opened, admission)) return opened;
      else ({ failure } = await opened.connection.ended);
    } catch (error) {
      failure = toFailure(error);
    }
    signal.throwIfAborted();
    await wait(ports.clock, pauseMs(attempt, { failure, ...ports }), signal);
  }
}

/** True once the successor carries every channel, or the old connection has ended; false when it has itself ended. */
async function carriesAll(
  old: Carrier,
  { connection, subscriptions }: Carrier,
  admission: Admission,
): Promise<boolean> {
  await Promise.race([subscriptions.sync(admission), connection.ended, old.connection.ended]);
  if (!connection.isOpen) subscriptions.retire();
  return connection.isOpen;
}

/** Resolves when the old connection has answered everything, has ended, or has taken too long. */
async function quiet({ connection }: Carrier, { ports, signal }: HandoverOptions): Promise<void> {
  const done = new AbortController();
  const deadline = wait(ports.clock, QUIET_DEADLINE_MS, AbortSignal.any([done.signal, signal]));
  await Promise.race([connection.quiet(), deadline.catch(() => undefined)]);
  done.abort();
}
