/**
 * Puts items into the mailboxes of other devices, over whatever connection there is.
 *
 * An item keeps its id until its mailbox has it or refuses it for good: after a cut it is sent again on the next connection,
 * and the mailbox takes an id once. Rights are looked up per user and kept until shortly before they end.
 */
import { randomId, toBase64Url } from '../bytes.ts';
import { Failure, toFailure } from '../failure.ts';
import type { SentItem, Tag } from '../frame.ts';
import { LIMITS } from '../limits.ts';
import { type Clock, wait } from './clock.ts';
import { type Answer, type Connection, failureOf } from './connection.ts';
import type { Keys, PeerDevice } from './keys.ts';
import { type Backoff, pauseMs } from './retry.ts';

/** Makes the ciphertext for one device, at most 64 KiB. */
export type SealFor = (device: PeerDevice) => Uint8Array | Promise<Uint8Array>;

/** What became of a message, by device. `queued`: kept until the device has it, or it expires. */
export interface Sent {
  readonly queued: readonly string[];
  /** `mailbox_full`: the device, or its share for one sender, takes no more until it has read. */
  readonly failed: readonly { readonly deviceId: string; readonly failure: Failure }[];
}

export interface SendOptions {
  /** Only these devices; each is looked up anew if this one does not know it yet. */
  readonly deviceIds?: readonly string[];
}

export interface SenderPorts {
  readonly keys: Pick<Keys, 'lookUp'>;
  readonly clock: Clock;
  readonly backoff: Backoff;
  /** Longest time a message may wait for its answer, in milliseconds. */
  readonly deadlineMs: number;
  /** Ends everything. */
  readonly signal: AbortSignal;
}

/** Messages that may wait for their answer at the same time. */
export const SENDS_MAX = 256;
/** Users whose rights are kept. */
const RIGHTS_MAX = 500;
/** Share of the rights' life after which they are looked up anew. */
const RENEW_AT = 0.8;
/** What is left of a frame after grants of six mailboxes and the rest of it. */
const FRAME_CHARS = LIMITS.frameBytes - 4 * 1024;

interface Rights {
  readonly grants: string;
  readonly devices: readonly PeerDevice[];
  readonly endsAtMs: number;
}
interface Item {
  readonly deviceId: string;
  readonly mailbox: Tag;
  readonly id: string;
  readonly data: string;
}

interface Delivery {
  readonly sealFor: SealFor;
  readonly deviceIds: readonly string[] | undefined;
  readonly signal: AbortSignal;
}

export class MailSender {
  readonly #ports: SenderPorts;
  readonly #rights = new Map<string, Rights>();
  /** Grants that a connection has taken over. */
  readonly #brought = new WeakMap<Connection, Set<string>>();
  readonly #waiting = new Set<(connection: Connection) => void>();
  #connection: Connection | undefined;
  #sends = 0;

  constructor(ports: SenderPorts) {
    this.#ports = ports;
  }

  /** The connection to send over from now on; undefined: there is none. */
  use(connection: Connection | undefined): void {
    this.#connection = connection;
    if (connection === undefined) return;
    for (const go of [...this.#waiting]) go(connection);
    this.#waiting.clear();
  }

  /**
   * Resolves when every device of the user has been decided on. Throws `not_found` for a user without keys,
   * `key_log_refused`, `pending_limit` when too many messages wait already, `unavailable` when the time is up (then what
   * became of them is unknown), or what `sealFor` throws.
   */
  async send(userId: string, sealFor: SealFor, { deviceIds }: SendOptions = {}): Promise<Sent> {
    if (this.#sends >= SENDS_MAX)
      throw new Failure('pending_limit', { detail: 'Too many messages are unanswered' });
    this.#sends += 1;
    const { clock, deadlineMs } = this.#ports;
    const limit = new AbortController();
    const cancel = clock.after(deadlineMs, () =>
      limit.abort(
        new Failure('unavailable', { detail: 'No answer in time; whether it was sent is unknown' }),
      ),
    );
    try {
      return await this.#deliver(userId, {
        sealFor,
        deviceIds,
        signal: AbortSignal.any([limit.signal, this.#ports.signal]),
      });
    } finally {
      cancel();
      this.#sends -= 1;
    }
  }

  async #deliver(userId: string, { sealFor, deviceIds, signal }: Delivery): Promise<Sent> {
    const { devices } = await this.#patiently(signal, () => this.#rightsTo(userId, deviceIds));
    const wanted = devices.filter(({ deviceId }) => deviceIds?.includes(deviceId) ?? true);
    let left = await Promise.all(wanted.map((device) => itemFor(device, sealFor)));
    const queued: string[] = [];
    const failed: Sent['failed'][number][] = [];
    await this.#patiently(signal, async () => {
      const rights = await this.#rightsTo(userId);
      const connection = await this.#connected(signal);
      for (const items of framesOf(left)) {
        const verdicts = await this.#sendItems({ items, rights, connection });
        const again = items.filter((item, i) => settle(item, verdicts[i], { queued, failed }));
        left = [...left.filter((item) => !items.includes(item)), ...again];
      }
      const [open] = left;
      if (open !== undefined) throw this.#stillOpen(userId);
    });
    return { queued, failed };
  }

  /** Some mailboxes have not decided yet: with new rights or a little later they will. */
  #stillOpen(userId: string): Failure {
    this.#rights.delete(userId);
    return new Failure('unavailable', { detail: 'A mailbox did not take its item yet' });
  }

  /** Runs `attempt` until it succeeds or fails for good; a pause follows a failure unless the connection was the reason. */
  async #patiently<T>(signal: AbortSignal, attempt: () => Promise<T>): Promise<T> {
    const { clock, backoff } = this.#ports;
    for (let tried = 0; ; tried += 1) {
      signal.throwIfAborted();
      const connection = this.#connection;
      try {
        return await attempt();
      } catch (error) {
        signal.throwIfAborted();
        const failure = toFailure(error);
        if (failure.retry === 'never' || !(error instanceof Failure)) throw error;
        if (connection !== undefined && !connection.isOpen) continue;
        await wait(clock, pauseMs(tried, { failure, backoff, clock }), signal);
      }
    }
  }

  async #sendItems(batch: { items: readonly Item[]; rights: Rights; connection: Connection }) {
    const { items, rights, connection } = batch;
    const brought = this.#brought.get(connection) ?? new Set();
    const answer: Answer = await connection.request({
      type: 'send',
      ...(brought.has(rights.grants) ? {} : { grants: rights.grants }),
      items: items.map(({ mailbox, id, data }) => ({ mailbox, id, data })),
    });
    this.#brought.set(connection, brought.add(rights.grants));
    return 'items' in answer ? answer.items : [];
  }

  async #rightsTo(userId: string, deviceIds: readonly string[] = []): Promise<Rights> {
    const { keys, clock } = this.#ports;
    const held = this.#rights.get(userId);
    const isComplete = deviceIds.every((id) => held?.devices.some(({ deviceId }) => deviceId === id));
    if (held !== undefined && isComplete && clock.now() < held.endsAtMs) return held;
    const { peers, refused, grants } = await keys.lookUp([userId]);
    const [fault] = refused;
    if (fault !== undefined) throw fault.failure;
    const devices = peers.find((peer) => peer.userId === userId)?.devices ?? [];
    if (grants === undefined || devices.length === 0)
      throw new Failure('not_found', { detail: 'The user has no keys' });
    const rights = { grants: grants.token, devices, endsAtMs: clock.now() + grants.lifeMs * RENEW_AT };
    this.#rights.set(userId, rights);
    const [oldest] = this.#rights.keys();
    if (this.#rights.size > RIGHTS_MAX && oldest !== undefined) this.#rights.delete(oldest);
    return rights;
  }

  /** The present connection, or the next one. */
  async #connected(signal: AbortSignal): Promise<Connection> {
    if (this.#connection?.isOpen) return this.#connection;
    return new Promise((resolve, reject) => {
      this.#waiting.add(resolve);
      signal.addEventListener(
        'abort',
        () => {
          this.#waiting.delete(resolve);
          reject(signal.reason);
        },
        { once: true },
      );
    });
  }
}

async function itemFor(device: PeerDevice, sealFor: SealFor): Promise<Item> {
  const data = await sealFor(device);
  if (data.length === 0 || data.length > LIMITS.dataBytes) throw new Failure('payload_too_large');
  return { deviceId: device.deviceId, mailbox: device.mailbox, id: randomId(), data: toBase64Url(data) };
}

/** Takes down a verdict; true when the item is to be sent again. */
function settle(
  { deviceId }: Item,
  verdict: SentItem | undefined,
  { queued, failed }: { queued: string[]; failed: Sent['failed'][number][] },
): boolean {
  if (verdict === undefined) return true;
  if (!('code' in verdict)) {
    queued.push(deviceId);
    return false;
  }
  const failure = failureOf(verdict);
  // A full mailbox says `backoff`, but only its device can make room: the sender is to know, not to wait.
  const isFinal = failure.code === 'mailbox_full' || failure.retry === 'never';
  if (isFinal) failed.push({ deviceId, failure });
  return !isFinal;
}

function framesOf(items: readonly Item[]): Item[][] {
  const frames: Item[][] = [];
  let chars = 0;
  for (const item of items) {
    const isNew = frames.length === 0 || chars + item.data.length > FRAME_CHARS;
    if (isNew) frames.push([]);
    chars = (isNew ? 0 : chars) + item.data.length + 128;
    frames.at(-1)?.push(item);
  }
  return frames;
}
