import { randomId, toBase64Url } from '../bytes.ts';
import { Failure } from '../failure.ts';
import { type JWK, signAssertion } from '../token.ts';
import { type Clock, systemClock } from './clock.ts';
import { type Device, type DeviceStore, loadDevice } from './device.ts';
import { edgeOf } from './options.ts';

/** What a device that wants to join an account hands to one that is there, over a way people trust. */
export interface JoinRequest {
  readonly publicKey: JWK;
  /** Of the new device, as base64url. */
  readonly identityKey: string;
  readonly assertion: string;
}

export interface JoinOptions {
  readonly edge: string;
  /** The account to join. */
  readonly userId: string;
  /** Of this device; 1 to 256 bytes. */
  readonly identityKey: Uint8Array;
  readonly store: DeviceStore;
  readonly clock?: Clock;
}

/**
 * Makes the store's device ask to join an account: a device that is there hands the request to `keys.addDevice` within a
 * minute, and `connectAccount` with this store then signs in. Throws `conflict` when the store has another account.
 */
export async function askToJoin(options: JoinOptions): Promise<JoinRequest> {
  const { store, userId, identityKey, clock = systemClock } = options;
  const device = await claimDevice(store, userId);
  return requestToJoin(device, { userId, identityKey, edge: edgeOf(options), nowMs: clock.now() });
}

/** The store's device, from now on one of this account. Throws `conflict` when it is one of another. */
export async function claimDevice(store: DeviceStore, userId: string): Promise<Device> {
  const { userId: known, ...device } = await loadDevice(store);
  if (known !== undefined && known !== userId)
    throw new Failure('conflict', { detail: 'This device belongs to another account' });
  await store.save({ signing: device.signing, agreement: device.agreement, userId });
  return device;
}

/** The request of a device whose store is somebody else's business; good for a minute. */
export async function requestToJoin(
  device: Device,
  options: { userId: string; identityKey: Uint8Array; edge: string; nowMs: number },
): Promise<JoinRequest> {
  const { userId, identityKey, edge, nowMs } = options;
  const assertion = await signAssertion(
    device.signing.privateKey,
    { jti: randomId(), purpose: 'add-device', sub: userId },
    { audience: edgeOf({ edge }), kid: device.deviceId, nowMs },
  );
  return { publicKey: device.publicKey, identityKey: toBase64Url(identityKey), assertion };
}
