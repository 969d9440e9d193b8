/**
 * Feeds drawn frames to real connections of a node in memory, and holds what comes back against a reading of its own:
 * a message whose `ref` can be read is answered exactly once, with an answer the client's parser knows; any other ends
 * the connection with a typed close code. Nothing may throw, and nothing of a connection may stay.
 */
import { createChance } from '../../../deploy/local/faults/random.ts';
import { parseServerFrame } from '../../../shared/codec.ts';
import { CLOSE_REASON_MAX_BYTES } from '../../../shared/failure.ts';
import { FAILURES, isFailureCode } from '../../../shared/failures.ts';
import { LIMITS } from '../../../shared/limits.ts';
import type { ConnectionEvents } from '../../ports.ts';
import { createMemoryNode, RecordingSocket } from '../memory-node.ts';
import { createForgetfulBroker } from './forgetful-broker.ts';
import { drawFrame, opening, ticket } from './frames.ts';

export interface FuzzOptions {
  readonly frames: number;
  readonly seed: number;
  /** Frees what nobody holds, so that memory can be compared (`--expose-gc`). */
  readonly collect: () => void;
  readonly onProgress?: (frames: number) => void;
  /** Between the peer and the node, to spoil what happens there; by default nothing. */
  readonly between?: (events: ConnectionEvents) => ConnectionEvents;
}

export interface FuzzResult {
  readonly frames: number;
  readonly answered: number;
  readonly closed: number;
  /** Messages that got no answer, several, or one that is none of the protocol's. */
  readonly wrong: readonly string[];
  /** What was thrown, or logged as a fault. */
  readonly crashes: readonly string[];
  /** What is still held when every connection has ended. */
  readonly left: number;
  /** Growth of the heap from a tenth of the way to the end, in MiB. */
  readonly heapGrowthMiB: number;
  /** How often each answer came: types, and codes of failures. */
  readonly answers: Readonly<Record<string, number>>;
}

/** Frames that are handed over before the answers are looked at; below `pendingCommands`, some of the time. */
const BATCH_MOST = 400;
/** Time between frames: enough for the largest one to be within the rates, when it passes at all. */
const PAUSE_MS = 100;
const KEPT = 10;

/** Growth beyond this is no noise: a tenth of a frame kept of each would be more. */
const GROWTH_MAX_MIB = 8;

/** Whether everything was as it has to be. */
export function isWell({ wrong, crashes, left, heapGrowthMiB }: FuzzResult): boolean {
  return wrong.length + crashes.length + left === 0 && heapGrowthMiB < GROWTH_MAX_MIB;
}

/** Runs it; the same seed draws the same frames. */
export async function fuzz({ frames, seed, collect, ...options }: FuzzOptions): Promise<FuzzResult> {
  const { onProgress, between = (events) => events } = options;
  const chance = createChance(seed);
  let nowMs = 0;
  const broker = createForgetfulBroker();
  const { node, faults } = await createMemoryNode({ broker, now: () => nowMs });
  const tally = new Tally();
  let heapBytes = 0;
  let done = 0;
  while (done < frames) {
    const batch = Math.min(frames - done, chance.once(50) ? BATCH_MOST : chance.between(1, 60));
    const peer = await admitted((socket) => between(node.accept(socket)));
    const isHurried = chance.once(20);
    const manners = chance.once(2) ? 'able' : 'rude';
    if (manners === 'able') {
      for (const text of opening(chance)) peer.hand(text, tally);
      done += 2;
      await settled();
    }
    for (let i = 0; i < batch && peer.socket.closed === undefined; i += 1) {
      if (!isHurried) nowMs += PAUSE_MS;
      done += 1;
      peer.hand(drawFrame(chance, manners), tally);
    }
    await settled();
    peer.check(tally);
    peer.events.ended(false);
    if (heapBytes === 0 && done >= frames / 10) heapBytes = heapAfter(collect);
    onProgress?.(done);
  }
  const crashes = [...tally.crashes, ...faults.slice(0, KEPT)];
  const left = node.connections + node.hub.channels + broker.subscribed;
  const heapGrowthMiB = Math.round(((heapAfter(collect) - heapBytes) / 2 ** 20) * 10) / 10;
  const { answered, closed, wrong } = tally;
  return { frames: done, answered, closed, wrong, crashes, left, heapGrowthMiB, answers: tally.answers };
}

class Tally {
  answered = 0;
  closed = 0;
  readonly wrong: string[] = [];
  readonly crashes: string[] = [];
  readonly answers: Record<string, number> = {};

  count(what: string): void {
    this.answers[what] = (this.answers[what] ?? 0) + 1;
  }

  note(list: string[], what: string, text: string | undefined): void {
    if (list.length < KEPT) list.push(`${what}: ${JSON.stringify(text)?.slice(0, 300)}`);
  }
}

/** One connection, and what is owed to it. */
class Peer {
  readonly socket = new RecordingSocket();
  readonly events: ConnectionEvents;
  readonly #owed = new Map<number, number>();
  #last: string | undefined;
  #mustClose = false;

  constructor(accept: (socket: RecordingSocket) => ConnectionEvents) {
    this.events = accept(this.socket);
    this.events.start(ticket());
  }

  hand(text: string | undefined, tally: Tally): void {
    this.#last = text;
    const bytes = text === undefined ? 8 : Buffer.byteLength(text);
    const ref = text === undefined || bytes > LIMITS.frameBytes ? undefined : refOf(text);
    if (ref === undefined) this.#mustClose = true;
    else this.#owed.set(ref, (this.#owed.get(ref) ?? 0) + 1);
    try {
      this.events.receive(text, bytes);
      if (text !== undefined) parseServerFrame(text);
    } catch (error) {
      tally.note(tally.crashes, String(error), text);
    }
  }

  check(tally: Tally): void {
    for (const text of this.socket.sent) this.#takeAnswer(text, tally);
    const { closed } = this.socket;
    if (closed === undefined)
      for (const ref of this.#owed.keys()) tally.note(tally.wrong, 'unanswered', `${ref}`);
    if (this.#mustClose !== (closed !== undefined)) tally.note(tally.wrong, 'closed?', this.#last);
    if (closed === undefined) return;
    tally.closed += 1;
    tally.count(`close ${closed.reason}`);
    const isTyped = isFailureCode(closed.reason) && FAILURES[closed.reason].close === closed.code;
    if (!isTyped || Buffer.byteLength(closed.reason) > CLOSE_REASON_MAX_BYTES)
      tally.note(tally.wrong, `close ${closed.code} ${closed.reason}`, this.#last);
  }

  #takeAnswer(text: string, tally: Tally): void {
    const frame = parseServerFrame(text);
    if (frame === undefined || frame === 'unknown') return tally.note(tally.wrong, 'no frame', text);
    if (frame.type !== 'ok' && frame.type !== 'failed' && frame.type !== 'pong') return;
    tally.answered += 1;
    tally.count(frame.type === 'failed' ? frame.code : frame.type);
    const owed = this.#owed.get(frame.ref) ?? 0;
    if (owed === 0) tally.note(tally.wrong, 'nobody asked', text);
    if (owed > 1) this.#owed.set(frame.ref, owed - 1);
    else this.#owed.delete(frame.ref);
    if (frame.type === 'failed' && frame.code === 'internal')
      tally.note(tally.crashes, 'internal', this.#last);
  }
}

async function admitted(accept: (socket: RecordingSocket) => ConnectionEvents): Promise<Peer> {
  const peer = new Peer(accept);
  await settled();
  if (peer.socket.sent.length !== 1) throw new Error('A good ticket was not admitted');
  return peer;
}

/** The `ref` a peer may expect an answer to, read without the parser that is being tested. */
function refOf(text: string): number | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
    const { ref } = value as { ref?: unknown };
    return typeof ref === 'number' && Number.isInteger(ref) && ref >= 1 && ref < 2 ** 32 ? ref : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Everything in memory answers within microtasks. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function heapAfter(collect: () => void): number {
  collect();
  return process.memoryUsage().heapUsed;
}
