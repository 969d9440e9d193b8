/** The edge's HTTP API as a client uses it. Calls do not block, so that open sockets are heard meanwhile. */
import http from 'k6/http';
import { setTimeout } from 'k6/timers';
import { assertionOf, createDevice, type Device, randomId } from './crypto.ts';
import { api, nowMs, refuse } from './promises.ts';
import { EDGE_URL } from './settings.ts';

export interface Account {
  readonly userId: string;
  readonly devices: readonly SignedIn[];
}
export interface SignedIn {
  readonly device: Device;
  readonly userId: string;
  readonly sessionId: string;
  /** Good for five minutes; `connect` renews it. */
  accessToken: string;
  renewAtMs: number;
}
export interface Admission {
  readonly origins: readonly { readonly node: string; readonly url: string }[];
  readonly socketUrl: string;
  readonly ticket: string;
  readonly grants: string;
  readonly channels: readonly { readonly channel: string; readonly member: string }[];
}
export interface Call {
  readonly method?: 'GET' | 'POST' | 'DELETE' | 'PUT';
  readonly path: string;
  /** Stands for the path in figures: ids would make a series of each. */
  readonly name?: string;
  readonly body?: object;
  readonly token?: string;
  readonly status?: number;
}

/** As often as a client comes back; then the call counts as refused. */
const TRIES = 6;
const BACKOFF_MS = 250;
/** Access tokens live five minutes. */
const RENEW_MS = 4 * 60_000;

/** One call, as the SDK makes it: again after `unavailable` and `too_many_requests`, with jitter. Undefined when refused. */
export async function call<T>(asked: Call): Promise<T | undefined> {
  for (let tries = 1; ; tries += 1) {
    const answer = await once(asked);
    if (answer.status === (asked.status ?? 200)) return answer.json() as T;
    const isWorthIt = answer.status === 429 || answer.status === 503 || answer.status === 0;
    if (!isWorthIt || tries === TRIES) {
      refuse(asked.name ?? asked.path, `${answer.status} ${String(answer.body).slice(0, 200)}`);
      return undefined;
    }
    await pause(BACKOFF_MS * 2 ** tries * (0.5 + Math.random() / 2));
  }
}

/** The same, once and measured: for probes of the API. */
export async function timed(asked: Call): Promise<number> {
  const startMs = nowMs();
  const { status } = await once(asked);
  api.add(nowMs() - startMs, { call: asked.name ?? asked.path });
  return status;
}

function once({ method = 'POST', path, name = path, body, token }: Call) {
  return http.asyncRequest(method, `${EDGE_URL}${path}`, body === undefined ? null : JSON.stringify(body), {
    headers: {
      ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
      ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
    },
    responseType: 'text',
    tags: { name },
  });
}

/** An account of so many devices, each signed in. Undefined when the service refused. */
export async function createAccount(devices: number): Promise<Account | undefined> {
  const first = await createDevice();
  const assertion = await assertionOf(first, { purpose: 'sign-up', sub: '' });
  const body = { publicKey: first.publicKey, assertion };
  const made = await call<{ userId: string }>({ path: '/v1/accounts', status: 201, body });
  if (made === undefined) return undefined;
  const { userId } = made;
  const all = [first];
  while (all.length < devices) {
    const device = await addDevice(userId, first);
    if (device === undefined) return undefined;
    all.push(device);
  }
  const signedIn: SignedIn[] = [];
  for (const device of all) {
    const one = await signIn(device, userId);
    if (one === undefined) return undefined;
    signedIn.push(one);
  }
  return { userId, devices: signedIn };
}

async function addDevice(userId: string, approver: Device): Promise<Device | undefined> {
  const device = await createDevice();
  const body = {
    publicKey: device.publicKey,
    assertion: await assertionOf(device, { purpose: 'add-device', sub: userId }),
    approval: await assertionOf(approver, {
      purpose: 'approve-device',
      sub: userId,
      device: device.deviceId,
    }),
  };
  return (await call({ path: '/v1/devices', status: 201, body })) === undefined ? undefined : device;
}

interface SessionAnswer {
  readonly sessionId: string;
  readonly accessToken: string;
}

export async function signIn(device: Device, userId: string): Promise<SignedIn | undefined> {
  const body = { assertion: await assertionOf(device, { purpose: 'sign-in', sub: userId }) };
  const answer = await call<SessionAnswer>({ path: '/v1/sessions', status: 201, body });
  if (answer === undefined) return undefined;
  const { sessionId, accessToken } = answer;
  return { device, userId, sessionId, accessToken, renewAtMs: nowMs() + RENEW_MS };
}

async function renewed(who: SignedIn): Promise<string> {
  const { device, userId, sessionId } = who;
  if (nowMs() < who.renewAtMs) return who.accessToken;
  const assertion = await assertionOf(device, { purpose: 'renew', sub: userId, sid: sessionId });
  const answer = await call<SessionAnswer>({ path: '/v1/sessions/renew', body: { assertion } });
  who.accessToken = answer?.accessToken ?? who.accessToken;
  who.renewAtMs = nowMs() + RENEW_MS;
  return who.accessToken;
}

/** Makes a channel with these other members; gives back its id. */
export async function createChannel(
  owner: SignedIn,
  members: readonly string[] = [],
): Promise<string | undefined> {
  const channelId = randomId();
  const token = await renewed(owner);
  if ((await call({ path: '/v1/channels', status: 201, body: { channelId }, token })) === undefined)
    return undefined;
  for (const userId of members) {
    const name = '/v1/channels/{channelId}/members';
    const path = `/v1/channels/${channelId}/members`;
    if ((await call({ path, name, status: 201, body: { userId }, token })) === undefined) return undefined;
  }
  return channelId;
}

export async function connect(who: SignedIn, channels: readonly string[]): Promise<Admission | undefined> {
  return call<Admission>({ path: '/v1/connect', body: { channels }, token: await renewed(who) });
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(() => resolve(), ms));
}
