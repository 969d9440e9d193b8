/** The generator processes together, as one generator. */
import type { ChildProcess } from 'node:child_process';
import { killChild, startChild } from './child.ts';
import { Histogram } from './histogram.ts';
import type { Answers, Connected, Order, Reading, Reply, Traffic } from './orders.ts';
import type { Peer, SpeechOptions } from './speech.ts';

/** What all of them counted. */
export interface Reckoning extends Omit<Reading, 'latencies' | 'cpu' | 'loopDelayP99Ms'> {
  readonly latencies: Histogram;
  /** Of the busiest of them. */
  readonly cpu: number;
  readonly loopDelayP99Ms: number;
  /** CPU time of all of them since the mark, as a share of one core. */
  readonly cpuSum: number;
}

/** Longer than any order may take; a generator that is silent for so long has failed. */
const ORDER_DEADLINE_MS = 120_000;

export class Fleet {
  readonly #children: readonly ChildProcess[];
  #orders = 0;

  constructor(size: number) {
    this.#children = Array.from({ length: size }, () => startChild('./generator.ts'));
  }

  get size(): number {
    return this.#children.length;
  }

  /** Spreads the peers over the processes in blocks; resolves when all are ready. */
  async connect(peers: readonly Peer[], speech: SpeechOptions, atOnce = 64): Promise<Connected> {
    const block = Math.ceil(peers.length / this.size);
    const share = Math.max(1, Math.floor(atOnce / this.size));
    const parts = this.#children.map((_, i) => peers.slice(i * block, (i + 1) * block));
    return together(
      await this.#all((i) => ({ do: 'connect', peers: parts[i] ?? [], speech, atOnce: share })),
    );
  }

  /** Begins to send; `senders` are of each process. */
  async start(traffic: Traffic): Promise<void> {
    await this.#all(() => ({
      do: 'traffic',
      traffic: { ...traffic, perSecond: traffic.perSecond / this.size },
    }));
  }

  async quiet(): Promise<void> {
    await this.#all(() => ({ do: 'quiet' }));
  }

  async mark(): Promise<void> {
    await this.#all(() => ({ do: 'mark' }));
  }

  async read(): Promise<Reckoning> {
    const readings: Reading[] = await this.#all(() => ({ do: 'read' }));
    const latencies = new Histogram();
    for (const reading of readings) latencies.merge(reading.latencies);
    const sum = (field: 'sent' | 'received' | 'acked' | 'refused' | 'recovered' | 'lost' | 'cpu') =>
      readings.reduce((total, reading) => total + reading[field], 0);
    return {
      sent: sum('sent'),
      received: sum('received'),
      acked: sum('acked'),
      refused: sum('refused'),
      recovered: sum('recovered'),
      lost: sum('lost'),
      latencies,
      cpu: Math.max(...readings.map(({ cpu }) => cpu)),
      loopDelayP99Ms: Math.max(...readings.map(({ loopDelayP99Ms }) => loopDelayP99Ms)),
      cpuSum: sum('cpu'),
    };
  }

  /** From now on clients whose server ends come back at `url`. */
  async returnTo(url: string): Promise<void> {
    await this.#all(() => ({ do: 'return', url }));
  }

  /** Resolves when every client is ready again. */
  async returned(): Promise<Connected> {
    return together(await this.#all(() => ({ do: 'returned' })));
  }

  async stop(): Promise<void> {
    await Promise.all(this.#children.map(killChild));
  }

  #all<O extends Order>(orderOf: (index: number) => O): Promise<Answers[O['do']][]> {
    return Promise.all(this.#children.map((child, i) => this.#ask(child, orderOf(i))));
  }

  #ask<O extends Order>(child: ChildProcess, order: O): Promise<Answers[O['do']]> {
    this.#orders += 1;
    const id = this.#orders;
    return new Promise((resolve, reject) => {
      const settle = (error: Error | undefined, result?: unknown) => {
        clearTimeout(timer);
        child.off('message', hear);
        child.off('exit', die);
        if (error === undefined)
          resolve(result as Answers[O['do']]); // The other side answers by the same table.
        else reject(error);
      };
      const hear = (reply: Reply) => {
        if (reply.id === id)
          settle(reply.fault === undefined ? undefined : new Error(reply.fault), reply.result);
      };
      const die = () => settle(new Error('A generator ended'));
      const timer = setTimeout(() => settle(new Error(`A generator did not ${order.do}`)), ORDER_DEADLINE_MS);
      child.on('message', hear);
      child.on('exit', die);
      child.send({ id, order });
    });
  }
}

function together(parts: readonly Connected[]): Connected {
  return {
    ready: parts.reduce((sum, { ready }) => sum + ready, 0),
    retries: parts.reduce((sum, { retries }) => sum + retries, 0),
    ms: Math.max(...parts.map(({ ms }) => ms)),
  };
}
