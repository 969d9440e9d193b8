/** A message as it will be sent: `data` is ciphertext as base64url. */
export interface KeptMessage {
  readonly channelId: string;
  readonly id: string;
  readonly data: string;
}

/**
 * Keeps messages that were handed over and not answered yet, as ciphertext, over restarts; belongs to one device. What was
 * put comes back from `load`, in that order, until it is removed, and `put` resolves when it would survive the process.
 * Bounded by the outbox in front of it. All throw what the medium throws. Of two clients on one, each sends what it found;
 * the ids keep that from being published twice.
 */
export interface OutboxStore {
  load(): Promise<readonly KeptMessage[]>;
  /** Instead of one with this id, if there is one, and in its place. */
  put(message: KeptMessage): Promise<void>;
  /** Of what is not there, nothing happens. */
  remove(id: string): Promise<void>;
}

/** A store that forgets with the process, but not with the client. */
export function memoryOutbox(): OutboxStore {
  const held = new Map<string, KeptMessage>();
  return {
    load: async () => [...held.values()],
    put: async (message) => void held.set(message.id, message),
    remove: async (id) => void held.delete(id),
  };
}
