import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { tail } from '../servers/process.ts';
import type { QuestionName, Questions, Reply } from './protocol.ts';

/** Longest wait for one answer: 200 messages, one after another, on a busy machine. */
const ANSWER_TIMEOUT_MS = 60_000;
const STDERR_LINES_MAX = 200;

interface Waiting {
  readonly resolve: (answer: object) => void;
  readonly reject: (error: Error) => void;
  readonly timer: ReturnType<typeof setTimeout>;
}

/** A client process as its parent sees it. It cannot outlive the parent: it ends with the IPC channel. */
export class Participant {
  readonly name: string;
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, Waiting>();
  readonly #errors: string[] = [];
  readonly #ended: Promise<unknown>;
  #asked = 0;

  constructor(name: string) {
    this.name = name;
    // A process group of its own: Ctrl-C in a terminal must reach the parent only, which then ends its clients.
    this.#child = fork(fileURLToPath(new URL('./client.ts', import.meta.url)), {
      execArgv: ['--import', import.meta.resolve('tsx')],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      detached: true,
    });
    this.#child.on('message', (reply: Reply) => this.#replied(reply));
    this.#child.stderr?.on('data', (text) => this.#keep(String(text)));
    this.#ended = once(this.#child, 'exit').then(([code, signal]) => this.#gone(String(signal ?? code)));
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Asks one question. Throws an Error with the client's own words, or that it ended or did not answer. */
  ask<K extends QuestionName>(name: K, question: Questions[K]['question']): Promise<Questions[K]['answer']> {
    this.#asked += 1;
    const id = this.#asked;
    return new Promise((resolve, reject) => {
      const fail = (why: string) => {
        this.#waiting.delete(id);
        reject(new Error(`Client ${this.name} ${why}${tail(this.#errors)}`));
      };
      const timer = setTimeout(() => fail(`gave no answer to ${name}`), ANSWER_TIMEOUT_MS);
      // The child answers a question with the answer of its name (client.ts, `Answers`).
      this.#waiting.set(id, { resolve: resolve as (answer: object) => void, reject, timer });
      this.#child.send({ id, name, question }, (error) => error !== null && fail(`cannot be reached`));
    });
  }

  /** Ends the process and resolves when it is gone; may be called again. */
  async stop(): Promise<void> {
    if (this.#child.connected) this.#child.disconnect();
    await this.#ended;
  }

  #replied(reply: Reply): void {
    const waiting = this.#waiting.get(reply.id);
    if (waiting === undefined) return;
    this.#waiting.delete(reply.id);
    clearTimeout(waiting.timer);
    if ('answer' in reply) waiting.resolve(reply.answer);
    else waiting.reject(new Error(`Client ${this.name}: ${reply.fault}${tail(this.#errors)}`));
  }

  #gone(how: string): void {
    for (const { reject, timer } of this.#waiting.values()) {
      clearTimeout(timer);
      reject(new Error(`Client ${this.name} ended (${how})${tail(this.#errors)}`));
    }
    this.#waiting.clear();
  }

  #keep(text: string): void {
    this.#errors.push(...text.trimEnd().split('\n'));
    this.#errors.splice(0, this.#errors.length - STDERR_LINES_MAX);
  }
}
