/**
 * Keeps a client connected: one connection after another, until it is closed or told not to come back.
 *
 * connecting ──welcome──► online ──ended, may return──► reconnecting ──welcome──► online …
 *     └─────────────── refused for good, or close() ──────────────► closed
 *
 * A node that goes away says so, and another connection takes over before this one ends (handover.ts): still online.
 * Every round begins with `POST /v1/connect`, because a ticket serves once. Pauses between rounds grow, with full
 * jitter, and start anew after a connection that lasted.
 */
import { Failure, toFailure } from '../failure.ts';
import { LIMITS } from '../limits.ts';
import { type Carrier, type CarrierPorts, openCarrier } from './carrier.ts';
import { wait } from './clock.ts';
import type { Connection, End } from './connection.ts';
import { handOver } from './handover.ts';
import { pauseMs } from './retry.ts';
import type { Through } from './routes.ts';
import type { Subscriptions } from './subscriptions.ts';

/** Where the client stands; `failure` tells why, when it is not where it wants to be. */
export type LinkState =
  | { readonly state: 'connecting' }
  | { readonly state: 'online'; readonly node: string; readonly isThroughEdge: boolean }
  | { readonly state: 'reconnecting'; readonly failure: Failure }
  | { readonly state: 'closed'; readonly failure: Failure | undefined };

export interface LinkOptions extends CarrierPorts {
  readonly through: Through;
  readonly node: string | undefined;
  readonly avoid?: string | undefined;
  readonly onState: (state: LinkState) => void;
}

/** A connection that lasted this long was a good one: the next pause is short again. */
const STABLE_MS = 10_000;

export class Link {
  readonly #options: LinkOptions;
  readonly #stop = new AbortController();
  #state: LinkState = { state: 'connecting' };
  #carrier: Carrier | undefined;
  /** Another carrier is about to take over. */
  #isHolding = false;
  #endPause: () => void = () => undefined;
  #prefersEdge = false;
  /** How long the last connection was open. */
  #onlineMs = 0;

  constructor(options: LinkOptions) {
    this.#options = options;
  }

  get state(): LinkState {
    return this.#state;
  }

  /** What is read over the present connection; undefined without one, and while another is about to take its place. */
  get subscriptions(): Subscriptions | undefined {
    return this.#isHolding ? undefined : this.#carrier?.subscriptions;
  }

  /** The present connection; undefined as `subscriptions` is. */
  get connection(): Connection | undefined {
    return this.#isHolding ? undefined : this.#carrier?.connection;
  }

  /** Connects and stays connected. Resolves when the link is closed; never rejects. */
  async run(): Promise<void> {
    for (let attempt = 0; this.#state.state !== 'closed'; attempt += 1) {
      this.#onlineMs = 0;
      const { failure, mayReturn } = await this.#round();
      if (!mayReturn) return this.#close(failure);
      this.#enter({ state: 'reconnecting', failure });
      if (this.#onlineMs >= STABLE_MS) attempt = 0;
      await this.#pause(attempt, failure);
    }
  }

  /** The network may be back, or the device woke up: tries at once, or asks the node whether it is still there. */
  wake(): void {
    this.#endPause();
    this.#carrier?.connection.check();
  }

  /** Ends the connection, and every try to get one. */
  close(): void {
    this.#close(undefined);
  }

  #close(failure: Failure | undefined): void {
    this.#enter({ state: 'closed', failure });
    this.#stop.abort(new Failure('conflict', { detail: 'The client is closed' }));
    this.#carrier?.connection.close();
  }

  /** One connection from ticket to end, and those that take its place without a break. */
  async #round(): Promise<End> {
    try {
      const ids = [...this.#options.wanted.keys()].slice(0, LIMITS.channelsPerCall);
      const admission = await this.#options.api.connect(ids, this.#stop.signal);
      const { avoid } = this.#options;
      const leaving = admission.origins.some(({ node }) => node !== avoid) ? avoid : undefined;
      const routing = { ...this.#options, prefersEdge: this.#prefersEdge, leaving };
      const opened = await openCarrier(admission, routing, {
        ports: this.#options,
        signal: this.#stop.signal,
      });
      if (!('connection' in opened)) return opened;
      void opened.subscriptions.sync(admission);
      return await this.#stay(opened);
    } catch (error) {
      const failure = toFailure(error);
      return { failure, mayReturn: failure.retry !== 'never' && !this.#stop.signal.aborted };
    }
  }

  /** Stays with a carrier, and with each that it hands over to, until the last one's end. */
  async #stay(first: Carrier): Promise<End> {
    const { clock } = this.#options;
    const openedAtMs = clock.now();
    for (let carrier = first; ; ) {
      this.#use(carrier);
      const next = await this.#successorOf(carrier);
      carrier.subscriptions[next === undefined ? 'end' : 'retire']();
      if (next === undefined) {
        this.#carrier = undefined;
        this.#onlineMs = clock.now() - openedAtMs;
        return carrier.connection.ended;
      }
      carrier.connection.close();
      carrier = next;
      // The client may have been closed while the new connection was not in its hands yet.
      if (this.#stop.signal.aborted) carrier.connection.close();
    }
  }

  #use(carrier: Carrier): void {
    const { connection, subscriptions, route } = carrier;
    this.#carrier = carrier;
    this.#isHolding = false;
    this.#prefersEdge = route.isThroughEdge;
    this.#enter({ state: 'online', node: connection.node, isThroughEdge: route.isThroughEdge });
    subscriptions.takeOver();
  }

  /** The carrier that takes this one's place; undefined when it ends without. */
  async #successorOf(carrier: Carrier): Promise<Carrier | undefined> {
    const { ended } = carrier.connection;
    const moved = await Promise.race([carrier.moved, ended.then(() => undefined)]);
    if (moved === undefined) return undefined;
    const { through, node } = this.#options;
    const next = await handOver(carrier, moved, {
      ports: this.#options,
      routing: { through, node },
      signal: this.#stop.signal,
      onHold: () => {
        this.#isHolding = true;
      },
    });
    if (next === undefined) await ended;
    return next;
  }

  async #pause(attempt: number, failure: Failure): Promise<void> {
    const { clock, backoff } = this.#options;
    const woken = new AbortController();
    this.#endPause = () => woken.abort();
    const signal = AbortSignal.any([woken.signal, this.#stop.signal]);
    // Both ways to end the pause early mean: go on, and look at the state.
    await wait(clock, pauseMs(attempt, { failure, backoff, clock }), signal).catch(() => undefined);
    this.#endPause = () => undefined;
  }

  #enter(state: LinkState): void {
    if (this.#state.state === 'closed') return;
    this.#state = state;
    this.#options.onState(state);
  }
}
