/**
 * The key logs this device has seen. Each is remembered by its newest verified entry and the hash of its first one; what
 * comes later must follow from that, whoever brings it.
 */
import { Failure } from '../failure.ts';
import { type DeviceKeys, type Entry, type RecoveryKey, readEntry, verifyEntry } from '../key-log.ts';
import type { Api } from './api.ts';

/** What is remembered of one user's key log; plain data, to be stored as it is. */
export interface KnownLog {
  readonly sequence: number;
  readonly hash: string;
  /** The newest entry itself. */
  readonly entry: string;
  /** Hash of the first entry. */
  readonly genesis: string;
}

/**
 * Keeps what was seen. A store that forgets makes this device trust anew, so it belongs where the device's keys are. `load`
 * after `save` gives what was saved.
 */
export interface KnownLogStore {
  load(userId: string): Promise<KnownLog | undefined>;
  save(userId: string, log: KnownLog): Promise<void>;
}

/** A store that forgets with the process. */
export function memoryKnownLogs(): KnownLogStore {
  const logs = new Map<string, KnownLog>();
  return {
    load: async (userId) => logs.get(userId),
    save: async (userId, log) => void logs.set(userId, log),
  };
}

/** A verified log: what is remembered, and the devices and the recovery key that its newest entry names. */
export interface VerifiedLog extends KnownLog {
  readonly devices: ReadonlyMap<string, DeviceKeys>;
  readonly recovery: RecoveryKey | undefined;
}

export interface KnownLogPorts {
  readonly store: KnownLogStore;
  readonly api: Pick<Api, 'history'>;
  readonly signal: AbortSignal;
}

export class KnownLogs {
  readonly #ports: KnownLogPorts;
  /** One at a time for each user, so that nothing newer is forgotten again. */
  readonly #running = new Map<string, Promise<unknown>>();

  constructor(ports: KnownLogPorts) {
    this.#ports = ports;
  }

  /**
   * Verifies that an entry, as a look-up brought it, is the newest of this user's log, and remembers it. Entries in between
   * are fetched. Throws `key_log_refused` when it does not follow from what was seen, or as `Api` does.
   */
  follow(userId: string, newest: string): Promise<VerifiedLog> {
    return this.#alone(userId, async () => {
      const entry = await readEntry(newest);
      const known = await this.#ports.store.load(userId);
      if (entry.userId !== userId) throw refused('The entry is of another account');
      if (known !== undefined && entry.sequence <= known.sequence) return sameAs(known, entry);
      const reached = await this.#walk(userId, { known, last: entry });
      if (reached?.hash !== entry.hash) throw refused('The log does not lead to this entry');
      return reached;
    });
  }

  /** Fetches what is new of a log and verifies it; undefined for a log that is empty. Throws as `follow` does. */
  read(userId: string): Promise<VerifiedLog | undefined> {
    return this.#alone(userId, async () =>
      this.#walk(userId, { known: await this.#ports.store.load(userId), last: undefined }),
    );
  }

  /** From what is known to the last entry, or as far as the log goes. What was verified is kept, also when more fails. */
  async #walk(
    userId: string,
    { known, last }: { known: KnownLog | undefined; last: Entry | undefined },
  ): Promise<VerifiedLog | undefined> {
    let log = known === undefined ? undefined : await verified(known);
    const end = last?.sequence ?? Number.POSITIVE_INFINITY;
    while ((log?.sequence ?? 0) < end) {
      const entries = await this.#next(userId, { after: log?.sequence ?? 0, last });
      if (entries.length === 0) break;
      for (const entry of entries) log = await this.#step(userId, log, entry);
    }
    return log;
  }

  async #next(
    userId: string,
    { after, last }: { after: number; last: Entry | undefined },
  ): Promise<readonly Entry[]> {
    if (last?.sequence === after + 1) return [last];
    const { api, signal } = this.#ports;
    const { entries } = await api.history(userId, after, signal);
    return Promise.all(entries.map(readEntry));
  }

  async #step(userId: string, log: VerifiedLog | undefined, entry: Entry): Promise<VerifiedLog> {
    await verifyEntry(entry, log && { ...log, userId });
    if (entry.userId !== userId) throw refused('The entry is of another account');
    const { sequence, hash, text, devices, recovery } = entry;
    const next = { sequence, hash, entry: text, genesis: log?.genesis ?? hash };
    await this.#ports.store.save(userId, next);
    return { ...next, devices, recovery };
  }

  async #alone<T>(userId: string, run: () => Promise<T>): Promise<T> {
    const before = this.#running.get(userId) ?? Promise.resolve();
    const mine = before.then(run, run);
    this.#running.set(userId, mine);
    try {
      return await mine;
    } finally {
      if (this.#running.get(userId) === mine) this.#running.delete(userId);
    }
  }
}

async function sameAs(known: KnownLog, entry: Entry): Promise<VerifiedLog> {
  if (entry.hash !== known.hash)
    throw refused(entry.sequence < known.sequence ? 'The log was taken back' : 'The log has split');
  return verified(known);
}

async function verified(known: KnownLog): Promise<VerifiedLog> {
  const { devices, recovery } = await readEntry(known.entry);
  return { ...known, devices, recovery };
}

function refused(detail: string): Failure {
  return new Failure('key_log_refused', { detail });
}
