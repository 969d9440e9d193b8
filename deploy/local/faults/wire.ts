import { openNodeSocket } from '../../../shared/client/adapters/node-socket.ts';
import type { ClientSocket } from '../../../shared/client/socket.ts';
import { encodeClientFrame, parseServerFrame } from '../../../shared/codec.ts';
import {
  type AnswerFrame,
  type ClientFrame,
  PROTOCOL,
  type ServerFrame,
  TICKET_PROTOCOL_PREFIX,
} from '../../../shared/frame.ts';
import type { Gate, Person } from './gate.ts';

type Command = ClientFrame extends infer F ? (F extends ClientFrame ? Omit<F, 'ref'> : never) : never;

/** Longest wait for a welcome or an answer; longer than a node waits for its relay. */
const ANSWER_DEADLINE_MS = 4_000;
/** Between two tries to connect. */
const PAUSE_MS = 60;

/** One connection that speaks frames and promises nothing: no retries, no resuming. */
export class Wire {
  /** Resolves when the connection is over. */
  readonly ended: Promise<void>;
  isOpen = false;
  readonly #socket: ClientSocket;
  readonly #waiting = new Map<number, (answer: AnswerFrame | undefined) => void>();
  readonly #onFrame: (frame: ServerFrame) => void;
  #hasEnded = false;
  #ref = 0;

  constructor(url: string, ticket: string, onFrame: (frame: ServerFrame) => void) {
    let end: () => void = () => undefined;
    this.#onFrame = onFrame;
    this.ended = new Promise((resolve) => {
      end = resolve;
    });
    this.#socket = openNodeSocket(url, [PROTOCOL, TICKET_PROTOCOL_PREFIX + ticket], {
      opened: () => undefined,
      received: (text) => this.#receive(text),
      ended: () => {
        this.#finish();
        end();
      },
    });
  }

  /** Sends a command; resolves to its answer, or to undefined when none came and the outcome is unknown. */
  request(command: Command): Promise<AnswerFrame | undefined> {
    if (this.#hasEnded) return Promise.resolve(undefined);
    this.#ref += 1;
    const ref = this.#ref;
    return new Promise((resolve) => {
      const deadline = setTimeout(() => this.destroy(), ANSWER_DEADLINE_MS);
      this.#waiting.set(ref, (answer) => {
        clearTimeout(deadline);
        this.#waiting.delete(ref);
        resolve(answer);
      });
      this.#socket.send(encodeClientFrame({ ...command, ref } as ClientFrame)); // `Omit` of a union loses the union.
    });
  }

  /** Ends it without a handshake, as a lost network would. */
  destroy(): void {
    this.#finish();
    this.#socket.destroy();
  }

  #receive(text: string | undefined): void {
    const frame = text === undefined ? undefined : parseServerFrame(text);
    if (frame === undefined) throw new Error(`A node sent what is no frame: ${text}`);
    if (this.#hasEnded || frame === 'unknown') return;
    if (frame.type === 'welcome') this.isOpen = true;
    if ('ref' in frame) this.#waiting.get(frame.ref)?.(frame);
    this.#onFrame(frame);
  }

  #finish(): void {
    this.#hasEnded = true;
    this.isOpen = false;
    for (const settle of [...this.#waiting.values()]) settle(undefined);
  }
}

export interface WireOptions {
  readonly gate: Gate;
  readonly person: Person;
  /** Of a connection that is the current one, or was. */
  readonly onFrame: (frame: ServerFrame, wire: Wire) => void;
  readonly isStopped: () => boolean;
}

/** Opens connections, to one node after another, until one is welcome; undefined once stopped. */
export async function openWire({ gate, person, onFrame, isStopped }: WireOptions): Promise<Wire | undefined> {
  for (;;) {
    for (const url of gate.routes()) {
      if (isStopped()) return undefined;
      const wire = await openOne(url, await gate.ticket(person), onFrame);
      if (wire.isOpen) return wire;
    }
    await pause(PAUSE_MS);
  }
}

async function openOne(url: string, ticket: string, onFrame: WireOptions['onFrame']): Promise<Wire> {
  let welcome: () => void = () => undefined;
  const welcomed = new Promise<void>((resolve) => {
    welcome = resolve;
  });
  const wire: Wire = new Wire(url, ticket, (frame) => {
    if (frame.type === 'welcome') welcome();
    else onFrame(frame, wire);
  });
  const deadline = setTimeout(() => wire.destroy(), ANSWER_DEADLINE_MS);
  await Promise.race([welcomed, wire.ended]);
  clearTimeout(deadline);
  return wire;
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
