import { type Api, createApi } from './api.ts';
import { type Device, loadDevice, memoryDeviceStore } from './device.ts';
import { createHttp } from './http.ts';
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
  const {
    store = memoryDeviceStore(),
    clock,
    backoff,
    secondFactor,
    invitation,
    idToken,
    sessions,
  } = options;
  const edge = edgeOf(options);
  // Called as a plain function: browsers refuse `fetch` as somebody's method.
  const fetchPlain = options.fetch ?? ((input, init) => fetch(input, init));
  const http = createHttp({ edge, clock, fetch: fetchPlain });
  const { userId: known, ...device } = await loadDevice(store);
  const ports = { http, clock, device, audience: edge, secondFactor, invitation, idToken, sessions };
  const retry = { clock, backoff, signal };
  const userId = known ?? (await retrying(() => signUp(ports, signal), retry));
  if (known === undefined) await store.save({ signing: device.signing, agreement: device.agreement, userId });
  const session = new Session(userId, ports);
  await retrying(() => session.token(signal), retry);
  return { device, session, api: createApi(http, session) };
}
