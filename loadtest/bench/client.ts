/** One client of a generator: connects until it is ready, counts what it hears, and comes back when its server dies. */
import type { Histogram } from './histogram.ts';
import type { Manner, Peer, Speech, Talk } from './speech.ts';
import { WireSocket } from './wire.ts';

/** Where all clients of a process count together. */
export interface Tally {
  sent: number;
  received: number;
  acked: number;
  refused: number;
  recovered: number;
  lost: number;
  retries: number;
  readonly latencies: Histogram;
}

/** First wait of a client that is to come back, spread evenly: the jitter that client libraries have. */
const RETURN_SPREAD_MS = 1_000;
/** Waits after a failed attempt grow to this. */
const RETRY_CAP_MS = 2_000;
/** Marks the time in a message's data; not part of any id. */
const MARK = Buffer.from('-_-_T');
const TIME_DIGITS = 16;

export class Client {
  readonly #speech: Speech;
  readonly #tally: Tally;
  #peer: Peer;
  #talk: Talk | undefined;
  /** The last one that was ready: where to go on from. */
  #last: Talk | undefined;
  #socket: WireSocket | undefined;
  #onReady: (() => void) | undefined;
  #returnUrl: string | undefined;
  #attempts = 0;
  isReady = false;

  constructor(peer: Peer, speech: Speech, tally: Tally) {
    this.#peer = peer;
    this.#speech = speech;
    this.#tally = tally;
  }

  /** Makes the credentials of the first connection. */
  async prepare(): Promise<void> {
    this.#talk = await this.#speech.prepare(this.#peer);
  }

  /** Resolves when ready; tries again for as long as it takes. */
  connect(): Promise<void> {
    return new Promise((resolve) => {
      this.#onReady = resolve;
      this.#open();
    });
  }

  /** Where to go when the server dies. */
  returnTo(url: string): void {
    this.#returnUrl = url;
  }

  say(filler: string, manner: Manner): void {
    if (!this.isReady || this.#talk === undefined) return;
    this.#tally.sent += 1;
    const stamp = MARK_TEXT + String(nowUs()).padStart(TIME_DIGITS, '0');
    this.#socket?.send(this.#talk.say(stamp + filler, manner));
  }

  #open(): void {
    const talk = this.#talk;
    if (talk === undefined) return;
    const socket = new WireSocket(talk.address, {
      onOpen: () => undefined,
      onMessage: (payload) => this.#hear(payload, talk),
      onEnd: (status) => this.#ended(status),
    });
    this.#socket = socket;
  }

  #hear(payload: Buffer, talk: Talk): void {
    const heard = talk.hear(payload);
    if (typeof heard === 'object') return this.#socket?.send(heard.reply);
    if (heard === 'message') this.#receive(payload);
    else if (heard === 'ack') this.#tally.acked += 1;
    else if (heard === 'refused') this.#tally.refused += 1;
    else if (heard === 'ready' || heard === 'recovered') this.#becomeReady(heard === 'recovered');
  }

  #receive(payload: Buffer): void {
    this.#tally.received += 1;
    const at = payload.indexOf(MARK);
    if (at < 0) return;
    const sentUs = Number(payload.toString('latin1', at + MARK.length, at + MARK.length + TIME_DIGITS));
    this.#tally.latencies.add(nowUs() - sentUs);
  }

  #becomeReady(isRecovered: boolean): void {
    if (isRecovered) this.#tally.recovered += 1;
    this.isReady = true;
    this.#last = this.#talk;
    this.#attempts = 0;
    this.#onReady?.();
    this.#onReady = undefined;
  }

  #ended(status: number | undefined): void {
    // A refused upgrade has used nothing up; a connection that ended has, so credentials are made anew.
    if (status === undefined) this.#talk = undefined;
    if (!this.isReady) return this.#again(Math.random() * Math.min(RETRY_CAP_MS, 100 * 2 ** this.#attempts));
    this.isReady = false;
    this.#tally.lost += 1;
    if (this.#returnUrl === undefined) return;
    this.#peer = { ...this.#peer, url: this.#returnUrl };
    this.#again(Math.random() * RETURN_SPREAD_MS);
  }

  #again(waitMs: number): void {
    this.#attempts += 1;
    if (this.#attempts > 1) this.#tally.retries += 1;
    setTimeout(() => void this.#retry(), waitMs);
  }

  async #retry(): Promise<void> {
    this.#talk ??= await this.#speech.prepare(this.#peer, this.#last);
    this.#open();
  }
}

const MARK_TEXT = MARK.toString('latin1');
/** Characters of the data that carry the time. */
export const STAMP_CHARS = MARK.length + TIME_DIGITS;

/** The machine's monotonic clock: the same in every process. */
function nowUs(): number {
  const [seconds, ns] = process.hrtime();
  return seconds * 1_000_000 + Math.floor(ns / 1_000);
}
