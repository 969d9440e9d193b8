import { randomId } from '../../shared/bytes.ts';
import {
  type AssertionOptions,
  assertionOf,
  createDevice,
  type Device,
  type DeviceAlgorithm,
} from './device.ts';
import { assertTold, type OpenApi } from './truth.ts';

export interface CallOptions {
  readonly method?: string;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Sent as it is, instead of `body`. */
  readonly text?: string | Uint8Array<ArrayBuffer>;
  readonly token?: string;
  readonly headers?: Readonly<Record<string, string>>;
}
/** An answer with its body already read; `json` is undefined when there is none. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: tests look at answers of many shapes, which the document check has typed.
  readonly json: any;
}
export interface Account {
  readonly device: Device;
  readonly userId: string;
}
export interface SignedIn extends Account {
  readonly sessionId: string;
  readonly token: string;
}

/** How a client reaches an edge: `fetch` over the network, or an app in this process. */
export type Send = (request: Request) => Promise<Response> | Response;

/**
 * Calls an edge as a client would. Every answer is held against the edge's own OpenAPI document, and must have its
 * request id and must not be stored; so each test is also a test of those.
 */
export class Client {
  readonly baseUrl: string;
  /** The audience assertions are made for; differs from `baseUrl` only behind a proxy. */
  readonly audience: string;
  readonly #send: Send;
  readonly #now: () => number;
  #document: OpenApi | undefined;

  constructor({ baseUrl, audience = baseUrl, send, now = Date.now }: ClientOptions) {
    this.baseUrl = baseUrl;
    this.audience = audience;
    this.#send = send;
    this.#now = now;
  }

  async call(path: string, options: CallOptions = {}): Promise<Answer> {
    const request = this.#request(path, options);
    const asked = { method: request.method, url: request.url };
    const response = await this.#send(request);
    await assertTold(await this.document(), asked, response);
    if (!/^[A-Za-z0-9_-]{22}$/.test(response.headers.get('x-request-id') ?? ''))
      throw new Error(`${path} answered without a request id`);
    if (response.headers.get('cache-control') !== 'no-store') throw new Error(`${path} may be stored`);
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      json: text === '' ? undefined : JSON.parse(text),
    };
  }

  async document(): Promise<OpenApi> {
    this.#document ??= (await (
      await this.#send(new Request(`${this.baseUrl}/openapi.json`))
    ).json()) as OpenApi;
    return this.#document;
  }

  assertion(
    device: Device,
    options: Omit<AssertionOptions, 'audience'> & { audience?: string },
  ): Promise<string> {
    return assertionOf(device, { audience: this.audience, nowMs: this.#now(), ...options });
  }

  async signUp(algorithm?: DeviceAlgorithm): Promise<Account> {
    const device = await createDevice(algorithm);
    const assertion = await this.assertion(device, { purpose: 'sign-up' });
    const body = { publicKey: device.publicKey, assertion };
    const { json } = await this.call('/v1/accounts', { body });
    return { device, userId: json.userId };
  }

  async signIn(account: Account): Promise<SignedIn> {
    const assertion = await this.assertion(account.device, { sub: account.userId });
    const { json } = await this.call('/v1/sessions', { body: { assertion } });
    return { ...account, sessionId: json.sessionId, token: json.accessToken };
  }

  async join(algorithm?: DeviceAlgorithm): Promise<SignedIn> {
    return this.signIn(await this.signUp(algorithm));
  }

  async renew(
    { device, userId, sessionId }: SignedIn,
    options: Partial<AssertionOptions> = {},
  ): Promise<Answer> {
    const assertion = await this.assertion(device, {
      purpose: 'renew',
      sub: userId,
      sid: sessionId,
      ...options,
    });
    return this.call('/v1/sessions/renew', { body: { assertion } });
  }

  async createChannel({ token }: SignedIn): Promise<string> {
    const channelId = randomId();
    await this.call('/v1/channels', { token, body: { channelId } });
    return channelId;
  }

  #request(path: string, { method, body, text, token, headers = {} }: CallOptions): Request {
    const content = text ?? (body === undefined ? undefined : JSON.stringify(body));
    return new Request(`${this.baseUrl}${path}`, {
      method: method ?? (content === undefined ? 'GET' : 'POST'),
      headers: {
        ...(content === undefined ? {} : { 'content-type': 'application/json' }),
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...headers,
      },
      ...(content === undefined ? {} : { body: content }),
    });
  }
}

export interface ClientOptions {
  readonly baseUrl: string;
  readonly audience?: string;
  readonly send: Send;
  readonly now?: () => number;
}
