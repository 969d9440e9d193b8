/**
 * Keeps a client connected: one connection after another, until it is closed or told not to come back.
 *
 * connecting ──welcome──► online ──ended, may return──► reconnecting ──welcome──► online …
 *     └─────────────── refused for good, or close() ──────────────► closed
 *
 * Every round begins with `POST /v1/connect`, because a ticket serves once. Pauses between rounds grow, with full
 * jitter, and start anew after a connection that lasted.
 */
import { Failure, toFailure } from '../failure.ts';
import { LIMITS } from '../limits.ts';
import type { Admission } from './answers.ts';
import type { Api } from './api.ts';
import type { OpenChannel } from './channel.ts';
import { type Clock, wait } from './clock.ts';
import { Connection, type End, openConnection } from './connection.ts';
import { type Backoff, pauseMs } from './retry.ts';
import { routesOf, type SocketRoute, type Through } from './routes.ts';
import type { OpenSocket } from './socket.ts';
import { Subscriptions } from './subscriptions.ts';

/** Where the client stands; `failure` tells why, when it is not where it wants to be. */
export type LinkState =
  | { readonly state: 'connecting' }
  | { readonly state: 'online'; readonly node: string; readonly isThroughEdge: boolean }
  | { readonly state: 'reconnecting'; readonly failure: Failure }
  | { readonly state: 'closed'; readonly failure: Failure | undefined };

export interface LinkOptions {
  readonly api: Pick<Api, 'connect'>;
  readonly openSocket: OpenSocket;
  readonly clock: Clock;
  readonly backoff: Backoff;
  readonly through: Through;
  readonly node: string | undefined;
  readonly wanted: ReadonlyMap<string, OpenChannel>;
  readonly onState: (state: LinkState) => void;
  readonly onLive: () => void;
}

/** A connection that lasted this long was a good one: the next pause is short again. */
const STABLE_MS = 10_000;

export class Link {
  readonly #options: LinkOptions;
  readonly #stop = new AbortController();
  #state: LinkState = { state: 'connecting' };
  #subscriptions: Subscriptions | undefined;
  #connection: Connection | undefined;
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

  /** What is read over the present connection; undefined without one. */
  get subscriptions(): Subscriptions | undefined {
    return this.#subscriptions;
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
    this.#connection?.check();
  }

  /** Ends the connection, and every try to get one. */
  close(): void {
    this.#close(undefined);
  }

  #close(failure: Failure | undefined): void {
    this.#enter({ state: 'closed', failure });
    this.#stop.abort(new Failure('conflict', { detail: 'The client is closed' }));
    this.#connection?.close();
  }

  /** One connection from ticket to end. */
  async #round(): Promise<End> {
    try {
      const ids = [...this.#options.wanted.keys()].slice(0, LIMITS.channelsPerCall);
      const admission = await this.#options.api.connect(ids, this.#stop.signal);
      return await this.#tryRoutes(admission);
    } catch (error) {
      const failure = toFailure(error);
      return { failure, mayReturn: failure.retry !== 'never' && !this.#stop.signal.aborted };
    }
  }

  /** The ticket is good for whatever node reads it first, so a place that cannot be reached is followed by another. */
  async #tryRoutes(admission: Admission): Promise<End> {
    const { through, node } = this.#options;
    let last: End = {
      failure: new Failure('unavailable', { detail: 'No node to connect to' }),
      mayReturn: true,
    };
    for (const route of routesOf(admission, { through, node, prefersEdge: this.#prefersEdge })) {
      if (this.#stop.signal.aborted) break;
      const { wasOpen, end } = await this.#use(route, admission);
      last = end;
      if (wasOpen || !end.mayReturn || end.failure.retry === 'new-ticket') break;
    }
    return last;
  }

  /** Opens a connection on one route and stays until it ends. */
  async #use(route: SocketRoute, admission: Admission): Promise<{ wasOpen: boolean; end: End }> {
    const opened = await this.#open(route, admission);
    if (!(opened instanceof Connection)) return { wasOpen: false, end: opened };
    const { clock } = this.#options;
    const openedAtMs = clock.now();
    this.#prefersEdge = route.isThroughEdge;
    this.#enter({ state: 'online', node: opened.node, isThroughEdge: route.isThroughEdge });
    void this.#subscriptions?.sync(admission);
    const end = await opened.ended;
    this.#onlineMs = clock.now() - openedAtMs;
    this.#subscriptions?.end();
    this.#subscriptions = undefined;
    this.#connection = undefined;
    return { wasOpen: true, end };
  }

  async #open(route: SocketRoute, { ticket }: Admission): Promise<Connection | End> {
    const { openSocket, clock, api, backoff, wanted, onLive } = this.#options;
    const onEvent = (event: Parameters<Subscriptions['receive']>[0]) => this.#subscriptions?.receive(event);
    const opened = await openConnection({
      url: route.url,
      ticket,
      openSocket,
      clock,
      onEvent,
      signal: this.#stop.signal,
    });
    if (!(opened instanceof Connection)) return opened;
    this.#connection = opened;
    this.#subscriptions = new Subscriptions({ connection: opened, api, clock, backoff, wanted, onLive });
    return opened;
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
