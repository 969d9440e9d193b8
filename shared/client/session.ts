import { randomId } from '../bytes.ts';
import { isFailure } from '../failure.ts';
import { type AssertionClaims, signAssertion } from '../token.ts';
import { isSignedIn, isSignedUp, type SignedIn } from './answers.ts';
import type { Clock } from './clock.ts';
import type { Device } from './device.ts';
import type { Http } from './http.ts';

export interface SessionPorts {
  readonly http: Http;
  readonly clock: Clock;
  readonly device: Device;
  /** URL of the edge: who an assertion is for. */
  readonly audience: string;
}

/** Renewed when this share of the access token's life has passed: a slow call must still end within it. */
const RENEW_AT = 0.8;

/**
 * Makes the account of this device and gives back its user id. A repeat, also after a lost answer, gives the same one.
 * Throws as `Http` does.
 */
export async function signUp(ports: SessionPorts, signal?: AbortSignal): Promise<string> {
  const assertion = await assert(ports, { purpose: 'sign-up', sub: '' });
  const { publicKey } = ports.device;
  const call = { path: '/v1/accounts', body: { publicKey, assertion }, signal };
  return (await ports.http(call, isSignedUp)).userId;
}

/**
 * One signed-in device: keeps an access token that is good for the next call. There is nothing to steal but that
 * token: each renewal is a one-time assertion by the device key.
 */
export class Session {
  readonly userId: string;
  readonly #ports: SessionPorts;
  #current: { readonly answer: SignedIn; readonly renewAtMs: number } | undefined;
  #renewing: Promise<string> | undefined;

  constructor(userId: string, ports: SessionPorts) {
    this.userId = userId;
    this.#ports = ports;
  }

  /**
   * An access token. Signs in first, renews shortly before the token ends, and signs in again when the session has
   * ended meanwhile. Calls at the same time share one request. Throws as `Http` does.
   */
  token(signal?: AbortSignal): Promise<string> {
    const { clock } = this.#ports;
    if (this.#current !== undefined && clock.now() < this.#current.renewAtMs)
      return Promise.resolve(this.#current.answer.accessToken);
    this.#renewing ??= this.#obtain(signal).finally(() => {
      this.#renewing = undefined;
    });
    return this.#renewing;
  }

  /** The edge refused this token: the next `token()` brings another. */
  refuse(token: string): void {
    if (this.#current?.answer.accessToken === token) this.#current = { ...this.#current, renewAtMs: 0 };
  }

  async #obtain(signal: AbortSignal | undefined): Promise<string> {
    const answer = await this.#renewOrSignIn(signal);
    const renewAtMs = this.#ports.clock.now() + answer.accessExpiresInMs * RENEW_AT;
    this.#current = { answer, renewAtMs };
    return answer.accessToken;
  }

  async #renewOrSignIn(signal: AbortSignal | undefined): Promise<SignedIn> {
    if (this.#current === undefined) return this.#post('/v1/sessions', { purpose: 'sign-in' }, signal);
    try {
      const { sessionId } = this.#current.answer;
      return await this.#post('/v1/sessions/renew', { purpose: 'renew', sid: sessionId }, signal);
    } catch (error) {
      if (!isFailure(error, 'session_ended')) throw error;
      this.#current = undefined;
      return this.#post('/v1/sessions', { purpose: 'sign-in' }, signal);
    }
  }

  async #post(path: string, claims: Pick<AssertionClaims, 'purpose' | 'sid'>, signal?: AbortSignal) {
    const assertion = await assert(this.#ports, { ...claims, sub: this.userId });
    return this.#ports.http({ path, body: { assertion }, signal }, isSignedIn);
  }
}

function assert(
  { device, audience, clock }: SessionPorts,
  claims: Omit<AssertionClaims, 'jti'>,
): Promise<string> {
  return signAssertion(
    device.signing.privateKey,
    { ...claims, jti: randomId() },
    { audience, kid: device.deviceId, nowMs: clock.now() },
  );
}
