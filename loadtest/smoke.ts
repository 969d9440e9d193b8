/**
 * The shortest way through the whole service, as a k6 scenario: sign up, sign in, make a channel, connect, open a
 * socket, subscribe, publish, and see the own publication come back. Every check must pass.
 *
 *     K6_AUTO_EXTENSION_RESOLUTION=false k6 run --no-usage-report -e EDGE=http://127.0.0.1:8787 loadtest/smoke.ts
 *
 * Needs k6 v2 (`go install go.k6.io/k6/v2@latest`). What is published is random bytes in the size of the smallest
 * bucket: a node cannot tell them from ciphertext.
 */
import { check } from 'k6';
import { b64encode } from 'k6/encoding';
import http, { type RefinedResponse } from 'k6/http';
import { Trend } from 'k6/metrics';
import type { Options } from 'k6/options';
import { clearTimeout, setTimeout } from 'k6/timers';
import { type MessageEvent, WebSocket } from 'k6/websockets';

export const options: Options = {
  vus: 1,
  iterations: 3,
  thresholds: { checks: ['rate==1'], publish_to_publication: ['p(99)<1000'] },
};

const EDGE = (__ENV.EDGE ?? 'http://127.0.0.1:8787').replace(/\/+$/, '');
/** From opening the socket to its own publication; the node's admission alone may take 5 s. */
const SOCKET_DEADLINE_MS = 10_000;
/** Smallest bucket of ciphertext sizes. */
const CIPHERTEXT_BYTES = 1024;
const ID_BYTES = 16;
const JSON_HEADERS = { 'Content-Type': 'application/json' };

/** Milliseconds from `publish` until the publication came back. */
const publishToPublication = new Trend('publish_to_publication', true);

/** What k6 has of WebCrypto and its types lack. */
interface Key {
  readonly algorithm: object;
}
interface PublicJwk {
  readonly x: string;
  readonly y: string;
}
declare const crypto: {
  getRandomValues<T extends Uint8Array>(array: T): T;
  readonly subtle: {
    generateKey(algorithm: object, extractable: boolean, usages: readonly string[]): Promise<KeyPair>;
    exportKey(format: 'jwk', key: Key): Promise<PublicJwk>;
    sign(algorithm: object, key: Key, data: Uint8Array): Promise<ArrayBuffer>;
    digest(algorithm: string, data: Uint8Array): Promise<ArrayBuffer>;
  };
};
declare const console: { log(text: string): void };
declare class TextEncoder {
  encode(text: string): Uint8Array;
}
interface KeyPair {
  readonly publicKey: Key;
  readonly privateKey: Key;
}

/** Names the budgets in force: a run under raised ones says nothing about a service that has others. */
export function setup(): void {
  const { limitProfile } = http.get(`${EDGE}/healthz`).json() as { limitProfile?: string };
  console.log(`limit profile of the edge: ${limitProfile ?? 'unknown'}`);
}

interface Device {
  readonly deviceId: string;
  readonly publicKey: { readonly kty: 'EC'; readonly crv: 'P-256' } & PublicJwk;
  readonly privateKey: Key;
}
interface Admission {
  readonly origins: readonly { readonly url: string }[];
  readonly ticket: string;
  readonly grants: string;
  readonly channels: readonly { readonly channel: string; readonly member: string }[];
}

export default async function smoke(): Promise<void> {
  const device = await createDevice();
  const { userId } = post<{ userId: string }>('/v1/accounts', 201, {
    publicKey: device.publicKey,
    assertion: await assertionOf(device, { purpose: 'sign-up', sub: '' }),
  });
  const { accessToken } = post<{ accessToken: string }>('/v1/sessions', 201, {
    assertion: await assertionOf(device, { purpose: 'sign-in', sub: userId }),
  });
  const channelId = randomText(ID_BYTES);
  post('/v1/channels', 201, { channelId }, accessToken);
  const admission = post<Admission>('/v1/connect', 200, { channels: [channelId] }, accessToken);
  check(await publishToSelf(admission), { 'the publication came back': (isBack) => isBack });
}

/** Posts and checks the status; k6 counts both. Throws when there is no JSON to go on with. */
function post<T>(path: string, status: number, body: object, token?: string): T {
  const headers = token === undefined ? JSON_HEADERS : { ...JSON_HEADERS, Authorization: `Bearer ${token}` };
  const response: RefinedResponse<'text'> = http.post(`${EDGE}${path}`, JSON.stringify(body), {
    headers,
    responseType: 'text',
    // The route's pattern would be this very path: none of them holds an id.
    tags: { name: path },
  });
  check(response, { [`${path} answers ${status}`]: (answer) => answer.status === status });
  return response.json() as T;
}

/** True when the own publication came back as it was sent; false when the socket ended or took too long. */
function publishToSelf({ origins, ticket, grants, channels }: Admission): Promise<boolean> {
  const [granted] = channels;
  const [origin] = origins;
  if (granted === undefined || origin === undefined) return Promise.resolve(false);
  const { channel, member } = granted;
  const id = randomText(ID_BYTES);
  const data = randomText(CIPHERTEXT_BYTES);
  const socket = new WebSocket(origin.url, null, {
    headers: { 'Sec-WebSocket-Protocol': `hushwire.v1, hushwire.ticket.${ticket}` },
  });
  let publishedAtMs = 0;
  const next: Record<string, (frame: Record<string, unknown>) => boolean | undefined> = {
    welcome: () => send(socket, { type: 'subscribe', ref: 1, grants, channels: [{ channel }] }),
    ok: ({ ref }) => {
      if (ref !== 1) return undefined;
      publishedAtMs = Date.now();
      return send(socket, { type: 'publish', ref: 2, channel, id, data });
    },
    publication: (frame) => {
      publishToPublication.add(Date.now() - publishedAtMs);
      return frame.id === id && frame.from === member && frame.data === data && frame.offset === 1;
    },
  };
  return new Promise((resolve) => {
    const finish = (isBack: boolean) => {
      clearTimeout(deadline); // k6 ends an iteration only when no timer is left
      socket.close();
      resolve(isBack);
    };
    const deadline = setTimeout(() => finish(false), SOCKET_DEADLINE_MS);
    socket.onerror = () => finish(false);
    socket.onclose = () => finish(false);
    socket.onmessage = (event?: MessageEvent) => {
      const frame = JSON.parse(String(event?.data)) as Record<string, unknown>;
      const verdict = (next[String(frame.type)] ?? (() => false))(frame);
      if (verdict !== undefined) finish(verdict);
    };
  });
}

function send(socket: WebSocket, frame: object): undefined {
  socket.send(JSON.stringify(frame));
}

async function createDevice(): Promise<Device> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256' };
  const { publicKey, privateKey } = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const { x, y } = await crypto.subtle.exportKey('jwk', publicKey);
  // RFC 7638 §3.2: the required members, in this order, without spaces.
  const canonical = utf8(JSON.stringify({ crv: 'P-256', kty: 'EC', x, y }));
  const deviceId = base64Url(await crypto.subtle.digest('SHA-256', canonical));
  return { deviceId, privateKey, publicKey: { kty: 'EC', crv: 'P-256', x, y } };
}

/** A one-time JWT of the device (shared/token.ts, `signAssertion`). */
async function assertionOf(
  { deviceId, privateKey }: Device,
  claims: { readonly purpose: string; readonly sub: string },
): Promise<string> {
  const header = { alg: 'ES256', typ: 'hushwire-assertion+jwt', kid: deviceId };
  const payload = { ...claims, jti: randomText(ID_BYTES), aud: EDGE, iat: Math.floor(Date.now() / 1000) };
  const input = [header, payload].map((part) => base64Url(utf8(JSON.stringify(part)))).join('.');
  const algorithm = { name: 'ECDSA', hash: { name: 'SHA-256' } };
  const signature = await crypto.subtle.sign(algorithm, privateKey, utf8(input));
  return `${input}.${base64Url(signature)}`;
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function base64Url(bytes: ArrayBuffer | Uint8Array): string {
  return b64encode(bytes instanceof ArrayBuffer ? bytes : Uint8Array.from(bytes).buffer, 'rawurl');
}

function randomText(bytes: number): string {
  return base64Url(crypto.getRandomValues(new Uint8Array(bytes)));
}
