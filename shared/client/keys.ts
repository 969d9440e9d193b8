/**
 * The public keys of this account and of others. What a peer's devices are known by comes from its key log, verified here,
 * and from nowhere else; what the edge answers besides is only where to send.
 */
import { fromBase64Url, randomId, toBase64Url } from '../bytes.ts';
import { Failure, toFailure } from '../failure.ts';
import type { Tag } from '../frame.ts';
import { LIMITS } from '../limits.ts';
import { safetyNumber } from '../safety-number.ts';
import { signAssertion, thumbprint } from '../token.ts';
import type { DirectoryUser, Stock } from './answers.ts';
import type { Api } from './api.ts';
import type { Clock } from './clock.ts';
import type { Device } from './device.ts';
import type { JoinRequest } from './join.ts';
import type { KnownLogs, VerifiedLog } from './known-logs.ts';
import { type LogContent, OwnLog } from './own-log.ts';
import { type ShowRecoveryKey, showNewKey } from './recovery-key.ts';

/** A device of a user as its key log names it. */
export interface PeerDevice {
  readonly userId: string;
  readonly deviceId: string;
  readonly identityKey: Uint8Array;
  readonly mailbox: Tag;
  /** A key package, when one was asked for and there was one. */
  readonly keyPackage?: Uint8Array;
  /** Others may have got the same package. */
  readonly isLastResort: boolean;
}
export interface Peer {
  readonly userId: string;
  readonly devices: readonly PeerDevice[];
}
export interface LookedUp {
  /** Who has keys; others are missing. */
  readonly peers: readonly Peer[];
  /** Whose log does not follow from what this device has seen: not to be used, and worth telling a person. */
  readonly refused: readonly { readonly userId: string; readonly failure: Failure }[];
  /** Mailbox grants for all of these devices, and how long they live. */
  readonly grants: { readonly token: string; readonly lifeMs: number } | undefined;
}

export interface KeysPorts {
  readonly api: Api;
  readonly logs: KnownLogs;
  readonly device: Device;
  readonly userId: string;
  /** URL of the edge: who an approval is for. */
  readonly audience: string;
  readonly clock: Clock;
  readonly retrying: <T>(attempt: () => Promise<T>) => Promise<T>;
}

export interface UploadOptions {
  /** Given out when the others have run out. */
  readonly lastResort?: Uint8Array;
  /** Drops what is left of earlier packages. */
  readonly replaces?: boolean;
}

/** Characters of packages in one upload: what is left of a body's 64 KiB after the rest of it. */
const UPLOAD_CHARS = LIMITS.bodyBytes - 8 * 1024;

export class Keys {
  readonly #ports: KeysPorts;
  readonly #log: OwnLog;

  constructor(ports: KeysPorts) {
    this.#ports = ports;
    this.#log = new OwnLog(ports);
  }

  /**
   * Makes the account's key log name this device with this identity key (1 to 256 bytes). Does nothing when it does
   * already. Where the log names no recovery key yet, `showRecoveryKey` shows a person one, which is named once that has
   * resolved. Throws `forbidden` when the log was begun by other devices and names this one not: one of those adds it.
   */
  async publish(
    identityKey: Uint8Array,
    { showRecoveryKey }: { readonly showRecoveryKey?: ShowRecoveryKey } = {},
  ): Promise<void> {
    const { device } = this.#ports;
    const own = { publicKey: device.publicKey, identityKey: toBase64Url(identityKey) };
    const wantsRecovery = showRecoveryKey !== undefined && (await this.#log.read())?.recovery === undefined;
    const shown = wantsRecovery ? await showNewKey(showRecoveryKey) : undefined;
    await this.#log.append((content) => {
      if (content === undefined) return { devices: new Map([[device.deviceId, own]]), recoveryKey: shown };
      const { devices, recoveryKey = shown } = content;
      const held = devices.get(device.deviceId);
      if (held === undefined)
        throw new Failure('forbidden', { detail: 'Another device of the account must add this one' });
      if (shown !== undefined && recoveryKey !== shown)
        throw new Failure('conflict', { detail: 'Another device has named a recovery key meanwhile' });
      if (held.identityKey === own.identityKey && shown === undefined) return undefined;
      return { devices: new Map(devices).set(device.deviceId, own), recoveryKey };
    });
  }

  /**
   * Shows a person another recovery key, and names it once that has resolved: the one before is of no use any more. Throws
   * `conflict` when the account has no key log.
   */
  async replaceRecoveryKey(show: ShowRecoveryKey): Promise<void> {
    const recoveryKey = await showNewKey(show);
    await this.#log.append((content) => ({ devices: begun(content).devices, recoveryKey }));
  }

  /** Brings key packages for the published identity key, in as many calls as it takes; resolves to the stock then. */
  async upload(packages: readonly Uint8Array[], options: UploadOptions = {}): Promise<Stock> {
    const { api, retrying } = this.#ports;
    const identityKey = await this.#identityKey();
    let stock = await this.stock();
    for (const [i, part] of partsOf(packages).entries()) {
      const { lastResort, replaces = false } = i === 0 ? options : {};
      const body = {
        identityKey,
        version: stock.version + 1,
        packages: part,
        ...(lastResort === undefined ? {} : { lastResort: toBase64Url(lastResort) }),
        ...(replaces ? { replaces } : {}),
      };
      stock = await retrying(() => api.upload(body));
    }
    return stock;
  }

  /** One-time packages that are left of this device. */
  stock(): Promise<Stock> {
    return this.#ports.retrying(() => this.#ports.api.stock());
  }

  /** Brings as many packages as there is room for, made by `make`, when the stock is low. */
  async replenish(make: (count: number) => Promise<readonly Uint8Array[]>): Promise<Stock> {
    const stock = await this.stock();
    return stock.isLow ? this.upload(await make(LIMITS.keyPackagesPerDevice - stock.stock)) : stock;
  }

  /**
   * Devices and identity keys of up to 100 users, verified; with `packages` also a key package of each, which nobody else
   * gets. That is not tried again by itself, because each try takes another package.
   */
  async lookUp(userIds: readonly string[], { packages = false } = {}): Promise<LookedUp> {
    const { api, retrying } = this.#ports;
    const ask = () => api.lookUp(userIds, packages);
    const { users, grants, grantsExpireInMs } = await (packages ? ask() : retrying(ask));
    const wanted = users.filter(({ userId }) => userIds.includes(userId));
    const outcomes = await Promise.all(wanted.map((user) => this.#verify(user)));
    return {
      peers: outcomes.flatMap((outcome) => ('devices' in outcome ? [outcome] : [])),
      refused: outcomes.flatMap((outcome) => ('failure' in outcome ? [outcome] : [])),
      grants: grants === undefined ? undefined : { token: grants, lifeMs: grantsExpireInMs ?? 0 },
    };
  }

  /**
   * Sixty digits that are equal on both sides when neither sees a forged key log. Throws `not_found` when one of the two
   * has none, `key_log_refused` when the peer's does not hold together.
   */
  async safetyNumber(userId: string): Promise<string> {
    const own = this.#ports.userId;
    const [mine, theirs] = await Promise.all([this.#read(own), this.#read(userId)]);
    if (mine === undefined || theirs === undefined)
      throw new Failure('not_found', { detail: 'There is no key log' });
    return safetyNumber({ userId: own, genesis: mine.genesis }, { userId, genesis: theirs.genesis });
  }

  /** Lets a device join that asked for it (`requestToJoin`), and names it in the key log. A repeat is harmless. */
  async addDevice({ publicKey, identityKey, assertion }: JoinRequest): Promise<void> {
    const { api } = this.#ports;
    const deviceId = await thumbprint(publicKey);
    await api.addDevice({ publicKey, assertion, approval: await this.#approval(deviceId) });
    await this.#log.append((content) => {
      const { devices, recoveryKey } = begun(content);
      if (devices.get(deviceId)?.identityKey === identityKey) return undefined;
      return { devices: new Map(devices).set(deviceId, { publicKey, identityKey }), recoveryKey };
    });
  }

  /** Takes a device out of the key log and then off the account. A repeat is harmless. */
  async removeDevice(deviceId: string): Promise<void> {
    await this.#log.append((content) => {
      if (content?.devices.has(deviceId) !== true) return undefined;
      const devices = new Map(content.devices);
      devices.delete(deviceId);
      return { ...content, devices };
    });
    await this.#ports.retrying(() => this.#ports.api.removeDevice(deviceId));
  }

  #read(userId: string): Promise<VerifiedLog | undefined> {
    return this.#ports.retrying(() => this.#ports.logs.read(userId));
  }

  async #identityKey(): Promise<string> {
    const { userId, device } = this.#ports;
    const named = (await this.#read(userId))?.devices.get(device.deviceId);
    if (named === undefined) throw new Failure('conflict', { detail: 'Publish an identity key first' });
    return named.identityKey;
  }

  async #verify(user: DirectoryUser): Promise<Peer | { userId: string; failure: Failure }> {
    const { userId, entry, devices } = user;
    try {
      const log = await this.#ports.logs.follow(userId, entry);
      return { userId, devices: devices.flatMap((device) => peerDevice({ userId, device, log })) };
    } catch (error) {
      return { userId, failure: toFailure(error) };
    }
  }

  #approval(deviceId: string): Promise<string> {
    const { device, userId, audience, clock } = this.#ports;
    return signAssertion(
      device.signing.privateKey,
      { jti: randomId(), purpose: 'approve-device', sub: userId, device: deviceId },
      { audience, kid: device.deviceId, nowMs: clock.now() },
    );
  }
}

function begun(content: LogContent | undefined): LogContent {
  if (content === undefined) throw new Failure('conflict', { detail: 'Publish own keys first' });
  return content;
}

/** Only what the verified log names. */
function peerDevice({
  userId,
  device,
  log,
}: {
  userId: string;
  device: DirectoryUser['devices'][number];
  log: VerifiedLog;
}): PeerDevice[] {
  const { deviceId, mailbox, package: item, isLastResort = false } = device;
  const named = log.devices.get(deviceId);
  if (named === undefined) return [];
  const keyPackage = item === undefined ? {} : { keyPackage: fromBase64Url(item) };
  const identityKey = fromBase64Url(named.identityKey);
  return [{ userId, deviceId, identityKey, mailbox, ...keyPackage, isLastResort }];
}

/** At least one part, so that a last resort alone is brought as well. */
function partsOf(packages: readonly Uint8Array[]): string[][] {
  const parts: string[][] = [[]];
  let chars = 0;
  for (const item of packages.map(toBase64Url)) {
    const isFull = chars + item.length + 3 > UPLOAD_CHARS;
    if (isFull) parts.push([]);
    chars = (isFull ? 0 : chars) + item.length + 3;
    parts.at(-1)?.push(item);
  }
  return parts;
}
