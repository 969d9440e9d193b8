import { toBase64Url } from '../../bytes.ts';
import { Failure } from '../../failure.ts';
import type { Keys, PeerDevice } from '../keys.ts';
import type { Group } from './group.ts';
import { requirePackageOf } from './packages.ts';
import type { MadePackage, MemberDevice } from './suite.ts';

/** What to change so that a group holds exactly the devices that key logs name. */
export interface Difference {
  readonly add: readonly MadePackage['publicPackage'][];
  /** Whose packages these are. */
  readonly added: readonly MemberDevice[];
  readonly remove: readonly MemberDevice[];
}

/** The most users one look-up takes (protocol.md, key directory). */
const LOOK_UP_USERS = 100;

/** Who the devices of a group are, by the key logs of their users. */
export class Roster {
  readonly #keys: Pick<Keys, 'lookUp'>;
  readonly #verified = new Map<string, string>();

  constructor(keys: Pick<Keys, 'lookUp'>) {
    this.#keys = keys;
  }

  /** Whether the user's verified key log names the device with this key. Asks once for each that it does. */
  readonly verify = async (
    { userId, deviceId }: MemberDevice,
    signatureKey: Uint8Array,
  ): Promise<boolean> => {
    const key = toBase64Url(signatureKey);
    if (this.#verified.get(`${userId}.${deviceId}`) === key) return true;
    this.#learn(await this.#devicesOf([userId]));
    return this.#verified.get(`${userId}.${deviceId}`) === key;
  };

  /**
   * What the group lacks and has too much for the users it has and these. Takes key packages from the directory only of
   * users with a device that is missing. Throws `not_found` for a new user without devices, `unavailable` when one of
   * them offers no key package, `key_log_refused` for keys that do not follow from what was seen.
   */
  async difference(group: Group, newUserIds: readonly string[]): Promise<Difference> {
    const held = new Map(group.members.map((device) => [device.deviceId, device]));
    const users = [...new Set([...newUserIds, ...group.members.map(({ userId }) => userId)])];
    const named = await this.#devicesOf(users);
    const missingUser = newUserIds.find((userId) => named.every((device) => device.userId !== userId));
    if (missingUser !== undefined) throw new Failure('not_found', { detail: 'The user has no keys yet' });
    const missing = named.filter(({ deviceId }) => !held.has(deviceId));
    const remove = [...held.values()].filter(
      ({ deviceId }) => !named.some((device) => device.deviceId === deviceId),
    );
    const added = missing.map(({ userId, deviceId }) => ({ userId, deviceId }));
    return { add: await this.#packagesOf(missing), added, remove };
  }

  async #packagesOf(missing: readonly PeerDevice[]) {
    if (missing.length === 0) return [];
    const userIds = [...new Set(missing.map(({ userId }) => userId))];
    const offered = await this.#devicesOf(userIds, true);
    return missing.map(({ deviceId }) => {
      const device = offered.find((other) => other.deviceId === deviceId);
      if (device?.keyPackage === undefined)
        throw new Failure('unavailable', { detail: 'A device of the user offers no key package' });
      return requirePackageOf(device, device.keyPackage);
    });
  }

  async #devicesOf(userIds: readonly string[], packages = false): Promise<readonly PeerDevice[]> {
    const found: PeerDevice[] = [];
    for (let at = 0; at < userIds.length; at += LOOK_UP_USERS) {
      const { peers, refused } = await this.#keys.lookUp(userIds.slice(at, at + LOOK_UP_USERS), { packages });
      const [first] = refused;
      if (first !== undefined) throw first.failure;
      found.push(...peers.flatMap(({ devices }) => devices));
    }
    return found;
  }

  #learn(devices: readonly PeerDevice[]): void {
    for (const { userId, deviceId, identityKey } of devices)
      this.#verified.set(`${userId}.${deviceId}`, toBase64Url(identityKey));
  }
}
