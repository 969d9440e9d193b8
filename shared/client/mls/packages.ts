import { makeKeyPackageRef } from 'ts-mls/keyPackage.js';
import { toBase64Url } from '../../bytes.ts';
import { Failure } from '../../failure.ts';
import type { Keys } from '../keys.ts';
import { type GroupStore, pack, unpack } from './store.ts';
import {
  createPackage,
  createSigningKeys,
  decode,
  decodePackage,
  encodePackage,
  loadSuite,
  type MadePackage,
  type MemberDevice,
  type SigningKeys,
} from './suite.ts';

const IDENTITY = 'identity';
const PACKAGE = 'package:';

/** The signature keys of this device, made and stored when there are none. Their public half is its identity key. */
export async function loadIdentity(store: GroupStore): Promise<SigningKeys> {
  const stored = await store.get(IDENTITY);
  if (stored !== undefined) return unpack<SigningKeys>(stored);
  const keys = await createSigningKeys();
  await store.set(IDENTITY, pack(keys));
  return keys;
}

interface StoredPackage {
  readonly publicPackage: Uint8Array;
  readonly privatePackage: MadePackage['privatePackage'];
  readonly isLastResort: boolean;
}

/** The key packages of this device: their private halves here, their public ones in the edge's directory. */
export class Packages {
  readonly #store: GroupStore;
  readonly #device: MemberDevice;
  readonly #keys: SigningKeys;

  constructor(store: GroupStore, device: MemberDevice, keys: SigningKeys) {
    this.#store = store;
    this.#device = device;
    this.#keys = keys;
  }

  /** One that serves once, and is thrown away with the group it made. */
  make(): Promise<MadePackage> {
    return createPackage(this.#device, this.#keys);
  }

  /** Names this device in the key log and fills its stock in the directory, with a last resort for when it runs out. */
  async publish(directory: Pick<Keys, 'publish' | 'stock' | 'upload'>, count: number): Promise<void> {
    await directory.publish(this.#keys.publicKey);
    const { stock, isLow } = await directory.stock();
    if (!isLow) return;
    const packages: Uint8Array[] = [];
    for (let made = stock; made < count; made += 1) packages.push(await this.#offer(false));
    await directory.upload(packages, { lastResort: await this.#offer(true) });
  }

  /** The package a Welcome was made for; undefined when it is for another device, or was used. */
  async wantedBy(welcome: Uint8Array): Promise<MadePackage | undefined> {
    const message = decode(welcome);
    if (message?.wireformat !== 'mls_welcome') return undefined;
    for (const { newMember } of message.welcome.secrets) {
      const stored = await this.#store.get(PACKAGE + toBase64Url(newMember));
      if (stored === undefined) continue;
      const { publicPackage, privatePackage } = unpack<StoredPackage>(stored);
      return { publicPackage: decodePackage(publicPackage), privatePackage };
    }
    return undefined;
  }

  /** A package has served: its private half is deleted, unless it is the last resort. */
  async used({ publicPackage }: MadePackage): Promise<void> {
    const key = await keyOf(publicPackage);
    const stored = await this.#store.get(key);
    if (stored !== undefined && !unpack<StoredPackage>(stored).isLastResort) await this.#store.delete(key);
  }

  async #offer(isLastResort: boolean): Promise<Uint8Array> {
    const made = await this.make();
    const publicPackage = encodePackage(made.publicPackage);
    const { privatePackage } = made;
    await this.#store.set(
      await keyOf(made.publicPackage),
      pack({ publicPackage, privatePackage, isLastResort }),
    );
    return publicPackage;
  }
}

/** Whether an item of the mailbox is an invitation into a group, for this device or another one. */
export function isWelcome(item: Uint8Array): boolean {
  return decode(item)?.wireformat === 'mls_welcome';
}

/** A package of the directory, if it is the device's own by its key log. Throws `key_log_refused` otherwise. */
export function requirePackageOf(
  device: MemberDevice & { readonly identityKey: Uint8Array },
  bytes: Uint8Array,
): MadePackage['publicPackage'] {
  const found = decodePackage(bytes);
  const { credential, signaturePublicKey } = found.leafNode;
  const named = new TextDecoder().decode(
    credential.credentialType === 'basic' ? credential.identity : undefined,
  );
  const isOwn =
    named === `${device.userId}.${device.deviceId}` &&
    toBase64Url(signaturePublicKey) === toBase64Url(device.identityKey);
  if (!isOwn)
    throw new Failure('key_log_refused', { detail: 'The key package is not of the device it came for' });
  return found;
}

async function keyOf(keyPackage: MadePackage['publicPackage']): Promise<string> {
  return PACKAGE + toBase64Url(await makeKeyPackageRef(keyPackage, (await loadSuite()).hash));
}
