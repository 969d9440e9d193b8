/**
 * One socket, from opening to end.
 *
 * opening ──opened, welcome──► open ──any end──► ended
 *     └── refused, cut, or no welcome within the deadline ──► ended
 *
 * Every command has one answer or ends with the connection, so nothing waits for ever. A connection that was silent
 * for a while is asked with `ping`; one that leaves a command unanswered beyond its deadline is dropped, because
 * neither a browser nor TCP tells in useful time that a peer is gone.
 */
import { encodeClientFrame, parseServerFrame } from '../codec.ts';
import { Failure } from '../failure.ts';
import { codeOfClose, type FailureCode, isFailureCode, mayReconnect, type Retry } from '../failures.ts';
import {
  type AnswerFrame,
  type ClientFrame,
  type DeliveryFrame,
  type DetachedFrame,
  type EphemeralFrame,
  type FailedFrame,
  type GapFrame,
  type MovedFrame,
  PROTOCOL,
  type PresenceFrame,
  type PublicationFrame,
  type Ref,
  type RevokedFrame,
  type ServerFrame,
  TICKET_PROTOCOL_PREFIX,
  type WelcomeFrame,
} from '../frame.ts';
import { LIMITS } from '../limits.ts';
import type { Clock } from './clock.ts';
import type { ClientSocket, OpenSocket } from './socket.ts';

/** A command without its ref; the connection chooses that. */
export type Command = ClientFrame extends infer F ? (F extends ClientFrame ? Omit<F, 'ref'> : never) : never;
export type Answer = Exclude<AnswerFrame, FailedFrame>;
/** What a node sends without being asked. */
export type Event = PublicationFrame | EphemeralFrame | PresenceFrame | GapFrame | RevokedFrame | MailEvent;
/** What concerns the mailbox of the device. */
export type MailEvent = DeliveryFrame | DetachedFrame;

const EVENTS: readonly ServerFrame['type'][] = [
  'publication',
  'ephemeral',
  'presence',
  'gap',
  'revoked',
  'delivery',
  'detached',
];

function isEvent(frame: ServerFrame): frame is Event {
  return EVENTS.includes(frame.type);
}

/** Why a connection ended and whether another one may follow. */
export interface End {
  readonly failure: Failure;
  readonly mayReturn: boolean;
}

export interface ConnectionPorts {
  readonly openSocket: OpenSocket;
  readonly clock: Clock;
}

export interface ConnectionOptions extends ConnectionPorts {
  readonly url: string;
  readonly ticket: string;
  /** Closes the connection while it is opening. */
  readonly signal: AbortSignal;
  /** Called for every event, in the order the node sent them. */
  readonly onEvent: (event: Event, from: Connection) => void;
  /** The node is going away. */
  readonly onMoved: (moved: MovedFrame) => void;
}

/** From opening to `welcome`; the node's own deadline for its half is 5 s. */
export const ADMISSION_DEADLINE_MS = 7_000;
/** Silence after which the node is asked whether it is there; well below the 60 s after which it gives up on us. */
export const PING_AFTER_MS = 20_000;
/** Longest wait for the answer to a command. */
export const ANSWER_DEADLINE_MS = 10_000;
/** The same for `subscribe`, whose answer comes after the replay of up to 100 channels. */
export const SUBSCRIBE_DEADLINE_MS = 60_000;

const MAX_REF = 2 ** 32 - 1;

interface Waiting {
  readonly settle: (answer: AnswerFrame | Failure) => void;
  readonly cancelDeadline: () => void;
}

/** Opens a connection; resolves to it at `welcome`, or to why that never came. Throws only for an unusable URL. */
export async function openConnection(options: ConnectionOptions): Promise<Connection | End> {
  const connection = new Connection(options);
  const abort = () => connection.close();
  options.signal.addEventListener('abort', abort, { once: true });
  if (options.signal.aborted) abort();
  await Promise.race([connection.admitted, connection.ended]);
  options.signal.removeEventListener('abort', abort);
  return connection.isOpen ? connection : connection.ended;
}

export class Connection {
  /** Resolves at `welcome`. */
  readonly admitted: Promise<void>;
  /** Resolves when the connection is over; never rejects. */
  readonly ended: Promise<End>;
  readonly #options: ConnectionOptions;
  readonly #socket: ClientSocket;
  readonly #waiting = new Map<Ref, Waiting>();
  #whenAnswered: (() => void)[] = [];
  #state: 'opening' | 'open' | 'ended' = 'opening';
  #welcome: WelcomeFrame | undefined;
  #ref = 0;
  #cancelDeadline: () => void;
  #cancelPing: () => void = () => undefined;
  #admit: () => void = () => undefined;
  #end: (end: End) => void = () => undefined;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    this.admitted = new Promise((resolve) => {
      this.#admit = resolve;
    });
    this.#socket = this.#openSocket();
    this.#cancelDeadline = options.clock.after(ADMISSION_DEADLINE_MS, () =>
      this.drop(new Failure('unavailable', { detail: 'The node did not admit the connection in time' })),
    );
  }

  get isOpen(): boolean {
    return this.#state === 'open';
  }

  /** Id of the node; empty before `welcome`. */
  get node(): string {
    return this.#welcome?.node ?? '';
  }

  /** Bytes sent that the transport has not taken yet. */
  get bufferedBytes(): number {
    return this.#socket.bufferedBytes();
  }

  /**
   * Sends a command and gives back its answer. Throws the failure the node answered with; `pending_limit` when too many
   * wait already; `unavailable` when the connection ends first, and then what became of the command is unknown.
   */
  request(command: Command, deadlineMs: number = ANSWER_DEADLINE_MS): Promise<Answer> {
    if (this.#state !== 'open') return Promise.reject(new Failure('unavailable'));
    if (this.#waiting.size >= (this.#welcome?.limits.pendingCommands ?? LIMITS.pendingCommands))
      return Promise.reject(new Failure('pending_limit'));
    this.#ref = this.#ref === MAX_REF ? 1 : this.#ref + 1;
    const ref = this.#ref;
    return new Promise((resolve, reject) => {
      const settle = (answer: AnswerFrame | Failure) => {
        if (answer instanceof Failure) reject(answer);
        else if (answer.type === 'failed') reject(failureOf(answer));
        else resolve(answer);
      };
      const cancelDeadline = this.#options.clock.after(deadlineMs, () =>
        this.drop(new Failure('unavailable', { detail: 'The node no longer answers' })),
      );
      this.#waiting.set(ref, { settle, cancelDeadline });
      this.#socket.send(encodeClientFrame({ ...command, ref }));
    });
  }

  /** Resolves when no command waits for its answer any more; new ones are waited for as well. */
  async quiet(): Promise<void> {
    while (this.#waiting.size > 0) await new Promise<void>((resolve) => this.#whenAnswered.push(resolve));
  }

  /** Asks the node whether it is there; without an answer in time the connection is dropped. */
  check(): void {
    this.request({ type: 'ping' }).catch(() => undefined); // What there is to know comes by `ended`.
  }

  /** Ends the connection with a close handshake; `ended` resolves at once, as nothing more is wanted of it. */
  close(): void {
    if (this.#state === 'ended') return;
    this.#finish({
      failure: new Failure('unavailable', { detail: 'Closed by this client' }),
      mayReturn: false,
    });
    this.#socket.close();
  }

  /** Ends the connection without waiting for the peer, for a reason of our own; another one may follow. */
  drop(failure: Failure): void {
    if (this.#state === 'ended') return;
    this.#finish({ failure, mayReturn: true });
    this.#socket.destroy();
  }

  #openSocket(): ClientSocket {
    const { openSocket, url, ticket } = this.#options;
    return openSocket(url, [PROTOCOL, `${TICKET_PROTOCOL_PREFIX}${ticket}`], {
      opened: (protocol) => this.#opened(protocol),
      received: (text) => this.#received(text),
      ended: (code, reason) => this.#closed(code, reason),
    });
  }

  #opened(protocol: string): void {
    if (protocol !== PROTOCOL)
      this.drop(new Failure('protocol_unsupported', { detail: 'The peer did not choose our protocol' }));
  }

  #closed(code: number, reason: string): void {
    const failure = isFailureCode(reason) ? reason : (codeOfClose(code) ?? 'unavailable');
    this.#finish({ failure: new Failure(failure), mayReturn: mayReconnect(code) });
  }

  #received(text: string | undefined): void {
    if (this.#state === 'ended') return;
    if (text === undefined || text.length > LIMITS.frameBytes)
      return this.drop(new Failure(text === undefined ? 'bad_frame' : 'frame_too_large'));
    const frame = parseServerFrame(text);
    if (frame === undefined) return this.drop(new Failure('bad_frame', { detail: 'The node sent no frame' }));
    this.#armPing();
    if (frame !== 'unknown') this.#handle(frame);
  }

  #handle(frame: ServerFrame): void {
    if (frame.type === 'welcome') return this.#welcomed(frame);
    if (this.#state !== 'open')
      return this.drop(new Failure('bad_frame', { detail: 'A frame before welcome' }));
    if ('ref' in frame) return this.#answered(frame);
    if (frame.type === 'moved') this.#options.onMoved(frame);
    if (isEvent(frame)) this.#options.onEvent(frame, this);
  }

  #welcomed(frame: WelcomeFrame): void {
    if (this.#state !== 'opening') return this.drop(new Failure('bad_frame', { detail: 'A second welcome' }));
    this.#welcome = frame;
    this.#state = 'open';
    this.#cancelDeadline();
    this.#admit();
  }

  #answered(answer: AnswerFrame): void {
    const waiting = this.#waiting.get(answer.ref);
    if (waiting === undefined) return; // Answers to nothing do no harm; every command has its own deadline.
    this.#waiting.delete(answer.ref);
    waiting.cancelDeadline();
    waiting.settle(answer);
    this.#wakeQuiet();
  }

  #wakeQuiet(): void {
    for (const wake of this.#whenAnswered.splice(0)) wake();
  }

  /** Whatever arrives shows that the node is there, so only silence is asked about. */
  #armPing(): void {
    this.#cancelPing();
    this.#cancelPing = this.#options.clock.after(PING_AFTER_MS, () => this.check());
  }

  #finish(end: End): void {
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    this.#cancelDeadline();
    this.#cancelPing();
    for (const { settle, cancelDeadline } of this.#waiting.values()) {
      cancelDeadline();
      settle(
        new Failure('unavailable', { detail: 'The connection ended before the answer', cause: end.failure }),
      );
    }
    this.#waiting.clear();
    this.#wakeQuiet();
    this.#end(end);
  }
}

/** The wire's refusal as a Failure, of a command or of one channel in it. */
export function failureOf(frame: Omit<FailedFrame, 'type' | 'ref'>): Failure {
  const { code, retry, detail, retryAfterMs, position } = frame;
  return new Failure(code === 'internal' ? STAND_INS[retry] : code, {
    ...(detail === undefined ? {} : { detail }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    ...(position === undefined ? {} : { position }),
  });
}

/** A code of a later version arrives as `internal`; what counts then is its advice, so one of ours with it stands in. */
const STAND_INS = {
  now: 'internal',
  backoff: 'internal',
  'new-ticket': 'grant_refused',
  never: 'conflict',
} as const satisfies Record<Retry, FailureCode>;
