import type { ListedBlock, OwnDevice, OwnSession } from './answers.ts';
import type { Api } from './api.ts';
import { Totp, type TotpPorts } from './totp.ts';

export interface AccountPorts extends TotpPorts {
  readonly api: Api;
  /** Ends the client: its session is over. */
  readonly close: () => void;
}

/**
 * What the account has, and how its parts are ended: their calls are refused from then on and their sockets close within
 * 2 s. Devices are added and removed by `keys`, which names them to others as well. All calls are tried again and throw as
 * `Api` does; each is harmless to repeat.
 */
export class Account {
  readonly #ports: AccountPorts;
  readonly totp: Totp;

  constructor(ports: AccountPorts) {
    this.#ports = ports;
    this.totp = new Totp(ports);
  }

  /** Sessions that live, of every device. */
  sessions(): Promise<readonly OwnSession[]> {
    const { api, retrying } = this.#ports;
    return retrying(() => api.sessions());
  }

  devices(): Promise<readonly OwnDevice[]> {
    const { api, retrying } = this.#ports;
    return retrying(() => api.devices());
  }

  /**
   * Blocks a user: they find this one no more, whatever they ask, and are not told. `note` is for the own devices, which
   * encrypted it: up to 1,024 characters of base64url. At most 1,000 are blocked at a time, else `conflict`.
   */
  block(userId: string, note?: string): Promise<void> {
    const { api, retrying } = this.#ports;
    return retrying(() => api.block(userId, note));
  }

  unblock(userId: string): Promise<void> {
    const { api, retrying } = this.#ports;
    return retrying(() => api.unblock(userId));
  }

  /** Blocks that were placed, by tag; whom each is about, only its note can tell. */
  blocks(): Promise<readonly ListedBlock[]> {
    const { api, retrying } = this.#ports;
    return retrying(() => api.blocks());
  }

  /** Ends one session; throws `not_found` when the account never had it. Of the own one, use `signOut`. */
  endSession(sessionId: string): Promise<void> {
    const { api, retrying } = this.#ports;
    return retrying(() => api.endSession(sessionId));
  }

  /** Ends every session but this one. */
  signOutOthers(): Promise<void> {
    const { api, retrying } = this.#ports;
    return retrying(() => api.endSessions({ keepsCurrent: true }));
  }

  /** Ends this session and closes the client. The device stays one of the account and may sign in again. */
  signOut(): Promise<void> {
    return this.#andClose((api) => api.endCurrentSession());
  }

  /** Ends every session of the account, this one included, and closes the client. */
  signOutEverywhere(): Promise<void> {
    return this.#andClose((api) => api.endSessions({ keepsCurrent: false }));
  }

  /**
   * Deletes the account with everything it has, for good, and closes the client. After `unavailable` it may be done: then a
   * repeat throws `credentials_refused`. Memberships are the channels' and stay: leave them first.
   */
  delete(): Promise<void> {
    return this.#andClose((api) => api.deleteAccount());
  }

  async #andClose(end: (api: Api) => Promise<void>): Promise<void> {
    const { api, retrying, close } = this.#ports;
    await retrying(() => end(api));
    close();
  }
}
