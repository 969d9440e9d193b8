import { type Exit, tail } from './servers/process.ts';

/** What is ended together, in the order in which it is ended. */
const PHASES = ['edge', 'origins', 'upstash', 'stores', 'directory'] as const;
type Phase = (typeof PHASES)[number];

/** A part that may end on its own. */
export interface Watched {
  readonly lines: readonly string[];
  readonly ended: Promise<Exit>;
}

/** How to end what was started so far, and whether any of it ended unasked. */
export class Endings {
  /** Resolves, with a sentence that says which part ended and how, when one does that nobody asked to. */
  readonly broken: Promise<string>;
  #break: (sentence: string) => void = () => undefined;
  readonly #stops: { readonly phase: Phase; stop(): unknown }[] = [];

  constructor() {
    this.broken = new Promise((resolve) => {
      this.#break = resolve;
    });
  }

  /** Adds a way to end something. */
  add(phase: Phase, stop: () => unknown): void {
    this.#stops.push({ phase, stop });
  }

  /** Notices when a part ends that nobody asked to. */
  watch(name: string, { lines, ended }: Watched): void {
    void ended.then(({ code, signal, wasAsked }) => {
      if (!wasAsked) this.#break(`${name} ended on its own (${signal ?? `exit code ${code}`})${tail(lines)}`);
    });
  }

  /** Ends everything, also after something would not end; then throws the first thing that went wrong. */
  async run(): Promise<void> {
    const faults: unknown[] = [];
    for (const phase of PHASES) {
      const stops = this.#stops.filter((entry) => entry.phase === phase);
      const outcomes = await Promise.allSettled(stops.map(async ({ stop }) => stop()));
      for (const outcome of outcomes) if (outcome.status === 'rejected') faults.push(outcome.reason);
    }
    if (faults.length > 0) throw faults[0];
  }
}
