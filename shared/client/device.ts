import { type JWK, thumbprint } from '../token.ts';

/** The keys of one device: ES256 to sign assertions, ECDH P-256 to receive channel keys. */
export interface Device {
  /** RFC 7638 thumbprint of the public signing key. */
  readonly deviceId: string;
  readonly publicKey: JWK;
  readonly agreementKey: JWK;
  readonly signing: CryptoKeyPair;
  readonly agreement: CryptoKeyPair;
}

/** What must outlive the process for a device to come back as itself. */
export interface StoredDevice {
  readonly signing: CryptoKeyPair;
  readonly agreement: CryptoKeyPair;
  /** Absent until the account exists. */
  readonly userId?: string;
}

/** Keeps one device. `load` after `save` gives what was saved; both throw what the medium throws. */
export interface DeviceStore {
  /**
   * True when it keeps `CryptoKey` objects as they are (memory, IndexedDB); private keys are then made so that no
   * script can read them. False when it needs their bytes.
   */
  readonly holdsKeyObjects: boolean;
  load(): Promise<StoredDevice | undefined>;
  save(device: StoredDevice): Promise<void>;
}

/** A store that forgets with the process. */
export function memoryDeviceStore(): DeviceStore {
  let stored: StoredDevice | undefined;
  return {
    holdsKeyObjects: true,
    load: async () => stored,
    save: async (device) => {
      stored = device;
    },
  };
}

/** The store's device, made and saved when there is none. */
export async function loadDevice(store: DeviceStore): Promise<Device & { readonly userId?: string }> {
  const stored = (await store.load()) ?? (await createKeys(!store.holdsKeyObjects));
  await store.save(stored);
  const [publicKey, agreementKey] = await Promise.all([
    publicHalf(stored.signing.publicKey),
    publicHalf(stored.agreement.publicKey),
  ]);
  return { ...stored, publicKey, agreementKey, deviceId: await thumbprint(publicKey) };
}

async function createKeys(isExtractable: boolean): Promise<StoredDevice> {
  const curve = { namedCurve: 'P-256' };
  const [signing, agreement] = await Promise.all([
    crypto.subtle.generateKey({ name: 'ECDSA', ...curve }, isExtractable, ['sign', 'verify']),
    crypto.subtle.generateKey({ name: 'ECDH', ...curve }, isExtractable, ['deriveBits']),
  ]);
  return { signing, agreement };
}

/** Only the members that identify the key: the edge refuses unknown ones. */
async function publicHalf(key: CryptoKey): Promise<JWK> {
  const { kty, crv, x, y } = await crypto.subtle.exportKey('jwk', key);
  return { kty, crv, x, y } as JWK; // An exported P-256 key has all four (RFC 7518 §6.2).
}
