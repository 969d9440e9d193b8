/** The key log of the own account, as its devices write it. */
import { isFailure } from '../failure.ts';
import { type DeviceKeys, signEntry } from '../key-log.ts';
import type { JWK } from '../token.ts';
import type { Api } from './api.ts';
import type { Device } from './device.ts';
import type { KnownLogs, VerifiedLog } from './known-logs.ts';

/** What the newest entry says of the account. */
export interface LogContent {
  readonly devices: ReadonlyMap<string, DeviceKeys>;
  readonly recoveryKey: JWK | undefined;
}

export interface OwnLogPorts {
  readonly api: Pick<Api, 'appendEntry'>;
  readonly logs: KnownLogs;
  readonly device: Device;
  readonly userId: string;
  readonly retrying: <T>(attempt: () => Promise<T>) => Promise<T>;
}

/** Attempts to be the one who appends, when several devices of the account do so at once. */
const APPEND_TRIES = 5;

export class OwnLog {
  readonly #ports: OwnLogPorts;

  constructor(ports: OwnLogPorts) {
    this.#ports = ports;
  }

  /** What is new of it, verified; undefined when nobody has begun it. */
  read(): Promise<VerifiedLog | undefined> {
    const { logs, userId, retrying } = this.#ports;
    return retrying(() => logs.read(userId));
  }

  /**
   * Appends what `change` makes of the present content (undefined: no log), unless it makes nothing of it. Throws
   * `conflict` when other devices were quicker each time.
   */
  async append(change: (content: LogContent | undefined) => LogContent | undefined): Promise<void> {
    const { api, userId, device, retrying } = this.#ports;
    for (let tried = 1; ; tried += 1) {
      const log = await this.read();
      const content = change(log && { devices: log.devices, recoveryKey: log.recovery?.publicKey });
      if (content === undefined) return;
      const { devices, recoveryKey } = content;
      const claims = {
        sub: userId,
        sequence: (log?.sequence ?? 0) + 1,
        ...(log === undefined ? {} : { previous: log.hash }),
        devices: [...devices.values()],
        ...(recoveryKey === undefined ? {} : { recoveryKey }),
      };
      const entry = await signEntry(claims, { key: device.signing.privateKey, deviceId: device.deviceId });
      try {
        await retrying(() => api.appendEntry(entry, log?.entry));
        await this.read();
        return;
      } catch (error) {
        // Another device was quicker: its entry may change what is to be said.
        if (!isFailure(error, 'conflict') || tried >= APPEND_TRIES) throw error;
      }
    }
  }
}
