import { Failure } from '../failure.ts';
import { type Api, createApi } from './api.ts';
import { type Clock, systemClock } from './clock.ts';
import { type Device, type DeviceStore, loadDevice, memoryDeviceStore } from './device.ts';
import { createHttp } from './http.ts';
import { type JoinRequest, requestToJoin } from './keys.ts';
import { edgeOf, type Ports } from './options.ts';
import { retrying } from './retry.ts';
import { Session, signUp } from './session.ts';

export interface SignedInDevice {
  readonly device: Device;
  readonly session: Session;
  readonly api: Api;
}

/** Signs the store's device in, with a new account where it holds none. Throws as `Session.token` does. */
export async function signIn(options: Ports, signal: AbortSignal): Promise<SignedInDevice> {
  const { store = memoryDeviceStore(), clock, backoff, secondFactor } = options;
  const edge = edgeOf(options);
  // Called as a plain function: browsers refuse `fetch` as somebody's method.
  const fetchPlain = options.fetch ?? ((input, init) => fetch(input, init));
  const http = createHttp({ edge, clock, fetch: fetchPlain });
  const { userId: known, ...device } = await loadDevice(store);
  const ports = { http, clock, device, audience: edge, secondFactor };
  const retry = { clock, backoff, signal };
  const userId = known ?? (await retrying(() => signUp(ports, signal), retry));
  if (known === undefined) await store.save({ signing: device.signing, agreement: device.agreement, userId });
  const session = new Session(userId, ports);
  await retrying(() => session.token(signal), retry);
  return { device, session, api: createApi(http, session) };
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
  const { userId: known, ...device } = await loadDevice(store);
  if (known !== undefined && known !== userId)
    throw new Failure('conflict', { detail: 'This device belongs to another account' });
  await store.save({ signing: device.signing, agreement: device.agreement, userId });
  return requestToJoin(device, { userId, identityKey, edge: edgeOf(options), nowMs: clock.now() });
}
