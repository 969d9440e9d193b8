/** What is true of the connection at this moment, in the words of the person who looks at it. */
import { signal } from '@preact/signals';
import type { Client } from '../../../shared/client/hushwire.ts';
import type { LinkState } from '../../../shared/client/link.ts';
import type { Failure } from '../../../shared/failure.ts';
import type { FailureCode } from '../../../shared/failures.ts';

export type ConnectionState =
  | { readonly state: 'connecting' }
  | {
      readonly state: 'online';
      readonly node: string;
      readonly isThroughEdge: boolean;
      /** Round trip; absent until it was measured. */
      readonly latencyMs?: number;
      /** The node before, when this page has come over from another one. */
      readonly movedFrom?: string;
    }
  /** The browser says that there is no network. */
  | { readonly state: 'offline' }
  | { readonly state: 'reconnecting'; readonly code: FailureCode };

const MEASURE_EVERY_MS = 15_000;

export class Connection {
  readonly state = signal<ConnectionState>({ state: 'connecting' });
  #client: Client | undefined;
  #node: string | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;
  #endPause: () => void = () => undefined;

  /** Listens to the browser for as long as the page lives. */
  constructor() {
    addEventListener('online', () => this.#woken());
    addEventListener('offline', () => this.#woken());
    document.addEventListener(
      'visibilitychange',
      () => document.visibilityState === 'visible' && this.#woken(),
    );
  }

  /** Follows a client; without one there is nothing to tell. */
  use(client: Client | undefined): void {
    clearInterval(this.#timer);
    this.#client = client;
    if (client === undefined) return;
    client.on('state', (state) => this.#follow(state));
    this.#follow(client.state);
    this.#timer = setInterval(() => void this.#measure(), MEASURE_EVERY_MS);
  }

  connecting(): void {
    this.state.value = { state: 'connecting' };
  }

  failed({ code }: Failure): void {
    this.state.value = navigator.onLine ? { state: 'reconnecting', code } : { state: 'offline' };
  }

  /** Waits, or until the network is back. */
  pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#endPause = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #woken(): void {
    if (navigator.onLine) this.#endPause();
    this.#client?.wake();
    if (this.#client === undefined) return;
    this.#follow(this.#client.state);
  }

  #follow(state: LinkState): void {
    if (state.state === 'connecting') return this.connecting();
    if (state.state === 'closed') return;
    if (state.state === 'reconnecting') return this.failed(state.failure);
    const { node, isThroughEdge } = state;
    const before = this.state.value;
    const isSame =
      before.state === 'online' && before.node === node && before.isThroughEdge === isThroughEdge;
    if (isSame) return void this.#measure();
    const movedFrom = this.#node === undefined || this.#node === node ? {} : { movedFrom: this.#node };
    this.#node = node;
    this.state.value = { state: 'online', node, isThroughEdge, ...movedFrom };
    void this.#measure();
  }

  async #measure(): Promise<void> {
    try {
      const latencyMs = Math.round((await this.#client?.roundTrip()) ?? 0);
      const { value: state } = this.state;
      if (state.state === 'online') this.state.value = { ...state, latencyMs };
    } catch {
      // The connection ended meanwhile, which its state tells.
    }
  }
}
