import { randomId } from '../bytes.ts';
import { Failure, isFailure } from '../failure.ts';
import type { FailureCode } from '../failures.ts';
import { type AssertionClaims, signAssertion } from '../token.ts';
import { isSignedIn, isSignedUp, type SignedIn, type SteppedUp } from './answers.ts';
import type { Clock } from './clock.ts';
import type { Device } from './device.ts';
import type { Http } from './http.ts';

/** What a person shows besides the device key. */
export type SecondFactor = { readonly totp: string } | { readonly recoveryCode: string };
/**
 * Asks a person for it, because of `second_factor_required`, or again because of `second_factor_refused`: a wrong code, or
 * one that was used. Undefined gives up, and the failure is thrown.
 */
export type AskSecondFactor = (why: Failure) => Promise<SecondFactor | undefined>;

/**
 * Gets an ID token from the issuer the service trusts (`GET /v1/sign-up` names it); it must carry this nonce, which is the id of
 * the device.
 */
export type AskIdToken = (nonce: string) => Promise<string>;

/**
 * Remembers which session this device has, so that it goes on over a restart and no second factor is asked for again. The id
 * is no secret: only the device's key renews it.
 */
export interface SessionStore {
  load(): Promise<string | undefined>;
  save(sessionId: string): Promise<void>;
}

export interface SessionPorts {
  readonly http: Http;
  readonly clock: Clock;
  readonly device: Device;
  /** URL of the edge: who an assertion is for. */
  readonly audience: string;
  readonly secondFactor?: AskSecondFactor | undefined;
  /** The session this device had; renewed in place of signing in while it lives. */
  readonly sessions?: SessionStore | undefined;
  /** To sign up with, where the service asks for one. */
  readonly invitation?: string | undefined;
  readonly idToken?: AskIdToken | undefined;
}

/** What a person can do something about while signing in. */
const ASKED_FOR: readonly FailureCode[] = ['second_factor_required', 'second_factor_refused'];
/** Renewed when this share of the access token's life has passed: a slow call must still end within it. */
const RENEW_AT = 0.8;

/**
 * Makes the account of this device and gives back its user id. A repeat, also after a lost answer, gives the same one.
 * Throws as `Http` does.
 */
export async function signUp(ports: SessionPorts, signal?: AbortSignal): Promise<string> {
  const { publicKey, deviceId } = ports.device;
  const { invitation } = ports;
  const idToken = await ports.idToken?.(deviceId);
  const assertion = await assert(ports, { purpose: 'sign-up', sub: '' });
  const call = { path: '/v1/accounts', body: { publicKey, assertion, invitation, idToken }, signal };
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
  /** A session that the edge has called ended. */
  #endedId: string | undefined;

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

  /** The next `token()` brings another, which knows what has changed. */
  renewSoon(): void {
    if (this.#current !== undefined) this.refuse(this.#current.answer.accessToken);
  }

  /** Goes on with a token that also says that a second factor was shown. */
  stepUp(answer: SteppedUp): void {
    if (this.#current !== undefined) this.#keep({ ...this.#current.answer, ...answer });
  }

  async #obtain(signal: AbortSignal | undefined): Promise<string> {
    const answer = await this.#renewOrSignIn(signal);
    if (answer.sessionId !== this.#current?.answer.sessionId)
      await this.#ports.sessions?.save(answer.sessionId);
    this.#keep(answer);
    return answer.accessToken;
  }

  #keep(answer: SignedIn): void {
    const renewAtMs = this.#ports.clock.now() + answer.accessExpiresInMs * RENEW_AT;
    this.#current = { answer, renewAtMs };
  }

  async #renewOrSignIn(signal: AbortSignal | undefined): Promise<SignedIn> {
    const sessionId = this.#current?.answer.sessionId ?? (await this.#ports.sessions?.load());
    if (sessionId === undefined || this.#endedId === sessionId) return this.#signIn(signal);
    try {
      const assertion = await this.#assert({ purpose: 'renew', sid: sessionId });
      return await this.#post('/v1/sessions/renew', { assertion }, signal);
    } catch (error) {
      if (!isFailure(error, 'session_ended')) throw error;
      this.#current = undefined;
      this.#endedId = sessionId;
      return this.#signIn(signal);
    }
  }

  /** With a new assertion for each try, and for as long as the person goes on to answer. */
  async #signIn(signal: AbortSignal | undefined): Promise<SignedIn> {
    for (let shown: SecondFactor | undefined; ; ) {
      try {
        const assertion = await this.#assert({ purpose: 'sign-in' });
        return await this.#post('/v1/sessions', { assertion, ...shown }, signal);
      } catch (error) {
        const isAsked = error instanceof Failure && ASKED_FOR.includes(error.code);
        if (!isAsked) throw error;
        shown = await this.#ports.secondFactor?.(error);
        if (shown === undefined) throw error;
      }
    }
  }

  #assert(claims: Pick<AssertionClaims, 'purpose' | 'sid'>): Promise<string> {
    return assert(this.#ports, { ...claims, sub: this.userId });
  }

  #post(path: string, body: object, signal: AbortSignal | undefined): Promise<SignedIn> {
    return this.#ports.http({ path, body, signal }, isSignedIn);
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
