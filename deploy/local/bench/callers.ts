import { randomId } from '../../../shared/bytes.ts';
import { type AssertionClaims, type JWK, signAssertion, thumbprint } from '../../../shared/token.ts';

/** One signed-in account, as its own client would hold it. */
export interface Account {
  readonly userId: string;
  readonly sessionId: string;
  readonly token: string;
  readonly device: Device;
}
export interface Device {
  readonly deviceId: string;
  readonly publicKey: JWK;
  readonly privateKey: CryptoKey;
}

/** One request to the edge, made beforehand so that signing it is not measured. */
export interface Prepared {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly token?: string | undefined;
  readonly body?: object;
}

export async function createDevice(): Promise<Device> {
  const pair = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, [
    'sign',
    'verify',
  ]);
  const { kty, crv, x, y } = (await crypto.subtle.exportKey('jwk', pair.publicKey)) as JWK;
  const publicKey = { kty, crv, x, y } as JWK;
  return { deviceId: await thumbprint(publicKey), publicKey, privateKey: pair.privateKey };
}

/** Requests of every kind, for one edge. */
export class Callers {
  readonly #edge: string;

  constructor(edge: string) {
    this.#edge = edge;
  }

  /** Sends it, and throws an Error with the failure's code unless it was answered well. */
  async call<T>({ method, path, token, body }: Prepared): Promise<T> {
    const response = await fetch(`${this.#edge}${path}`, {
      method,
      headers: {
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const answer = (await response.json()) as T & { code?: string };
    if (!response.ok) throw new Error(`${method} ${path} answered ${answer.code ?? response.status}`);
    return answer;
  }

  async join(): Promise<Account> {
    const device = await createDevice();
    const { userId } = await this.call<{ userId: string }>(await this.signUp(device));
    const signIn = await this.signIn({ userId, device });
    const { sessionId, accessToken: token } = await this.call<{ sessionId: string; accessToken: string }>(
      signIn,
    );
    return { userId, sessionId, token, device };
  }

  async signUp(device: Device): Promise<Prepared> {
    const assertion = await this.#assert(device, { purpose: 'sign-up', sub: '' });
    return { method: 'POST', path: '/v1/accounts', body: { publicKey: device.publicKey, assertion } };
  }

  async signIn({ userId, device }: Pick<Account, 'userId' | 'device'>): Promise<Prepared> {
    const assertion = await this.#assert(device, { purpose: 'sign-in', sub: userId });
    return { method: 'POST', path: '/v1/sessions', body: { assertion } };
  }

  async renew({ userId, sessionId, device }: Account): Promise<Prepared> {
    const assertion = await this.#assert(device, { purpose: 'renew', sub: userId, sid: sessionId });
    return { method: 'POST', path: '/v1/sessions/renew', body: { assertion } };
  }

  #assert({ privateKey, deviceId }: Device, claims: Omit<AssertionClaims, 'jti'>): Promise<string> {
    return signAssertion(
      privateKey,
      { ...claims, jti: randomId() },
      { audience: this.#edge, kid: deviceId, nowMs: Date.now() },
    );
  }
}

export function createChannel({ token }: Account, channelId = randomId()): Prepared {
  return { method: 'POST', path: '/v1/channels', token, body: { channelId } };
}

export function connect({ token }: Account, channels: readonly string[]): Prepared {
  return { method: 'POST', path: '/v1/connect', token, body: { channels } };
}
