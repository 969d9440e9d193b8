import { backoffMs } from '../shared/backoff.ts';
import type { Log } from '../shared/log.ts';

/** A process that runs one node. */
export interface Worker {
  /** Resolves with its exit code, or undefined when a signal killed it. */
  readonly ended: Promise<number | undefined>;
  /** Base URL of its health endpoints, once it is ready. */
  healthUrl(): string | undefined;
  signal(name: 'SIGTERM' | 'SIGHUP'): void;
}

export interface SupervisorPorts {
  /** Names of the nodes, one process each. */
  readonly nodes: readonly string[];
  readonly start: (node: string) => Worker;
  readonly setTimer: (run: () => void, ms: number) => () => void;
  readonly now: () => number;
  readonly log: Log;
}

/** A worker that lived this long had started well: its next failure counts as the first. */
const STABLE_MS = 60_000;
const BACKOFF = { baseMs: 500, capMs: 15_000 };

/**
 * Keeps one process per node running: whichever ends unasked is started again, after a wait that doubles while it keeps
 * ending early. Never gives up, because what a node lacks (Redis, Postgres, memory) usually comes back; alarms count
 * the restarts.
 */
export class Supervisor {
  readonly #ports: SupervisorPorts;
  readonly #workers = new Map<string, Worker>();
  readonly #waiting = new Map<string, () => void>();
  #isStopping = false;
  #restarts = 0;

  constructor(ports: SupervisorPorts) {
    this.#ports = ports;
  }

  /** How often a worker was started again. */
  get restarts(): number {
    return this.#restarts;
  }

  start(): void {
    for (const node of this.#ports.nodes) this.#run(node, 0);
  }

  /** Health endpoints of each node's process; undefined while it is not ready. */
  health(): readonly { readonly node: string; readonly url: string | undefined }[] {
    return this.#ports.nodes.map((node) => ({ node, url: this.#workers.get(node)?.healthUrl() }));
  }

  /** Passes SIGHUP on: each process reads again what it may read again. */
  reload(): void {
    for (const worker of this.#workers.values()) worker.signal('SIGHUP');
  }

  /** Stops every process gently; a second call hurries them. Resolves when all have ended. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    for (const cancel of this.#waiting.values()) cancel();
    this.#waiting.clear();
    const left = [...this.#workers.values()];
    for (const worker of left) worker.signal('SIGTERM');
    await Promise.all(left.map((worker) => worker.ended));
  }

  #run(node: string, attempt: number): void {
    const { now, start } = this.#ports;
    const startedMs = now();
    const worker = start(node);
    this.#workers.set(node, worker);
    void worker.ended.then((code) => {
      this.#workers.delete(node);
      if (!this.#isStopping)
        this.#again(node, { code, attempt: now() - startedMs < STABLE_MS ? attempt : 0 });
    });
  }

  #again(node: string, { code, attempt }: { code: number | undefined; attempt: number }): void {
    const waitMs = backoffMs(attempt, BACKOFF);
    this.#ports.log('error', 'host.worker_ended', { node, ms: waitMs, ...(code !== undefined && { code }) });
    const cancel = this.#ports.setTimer(() => {
      this.#waiting.delete(node);
      this.#restarts += 1;
      this.#run(node, attempt + 1);
    }, waitMs);
    this.#waiting.set(node, cancel);
  }
}
