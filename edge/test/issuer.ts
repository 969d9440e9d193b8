import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import Provider from 'oidc-provider';

export const CLIENT_ID = 'messenger';
const REDIRECT = 'http://127.0.0.1/back';
const VERIFIER = 'a-verifier-of-at-least-forty-three-characters-for-pkce';

/** A real OpenID Connect issuer on this machine, whose sign-in page a program fills in. */
export interface Issuer {
  readonly url: string;
  /** Signs a person in and gives back their ID token (authorization code flow with PKCE). */
  tokenFor(person: string, nonce: string): Promise<string>;
  /** A token with these claims instead of the usual ones, under the key the issuer signs with. */
  forge(
    claims: Readonly<Record<string, unknown>>,
    header?: Readonly<Record<string, unknown>>,
  ): Promise<string>;
  /** New keys from now on; the old ones are no longer published. */
  rotate(): Promise<void>;
  /** How often the keys were read. */
  readonly reads: number;
  stop(): Promise<void>;
}

export async function startIssuer(): Promise<Issuer> {
  let handle: ((...args: Parameters<ReturnType<Provider['callback']>>) => void) | undefined;
  let reads = 0;
  const server = createServer((request, response) => {
    if (request.url === '/jwks') reads += 1;
    handle?.(request, response);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  let key: JWK;
  const rotate = async () => {
    const { privateKey } = await generateKeyPair('RS256', { extractable: true });
    key = { ...(await exportJWK(privateKey)), kid: crypto.randomUUID(), alg: 'RS256', use: 'sig' };
    handle = createProvider(url, key).callback();
  };
  await rotate();
  return {
    url,
    rotate,
    tokenFor: (person, nonce) => signIn(url, person, nonce),
    forge: (claims, header) => forge(url, key, { claims, header }),
    get reads() {
      return reads;
    },
    stop: () => close(server),
  };
}

function createProvider(url: string, key: JWK): Provider {
  return new Provider(url, {
    clients: [
      {
        client_id: CLIENT_ID,
        application_type: 'native',
        token_endpoint_auth_method: 'none',
        redirect_uris: [REDIRECT],
      },
    ],
    cookies: { keys: [crypto.randomUUID()] },
    jwks: { keys: [key] },
    findAccount: (_, sub) => ({ accountId: sub, claims: () => ({ sub }) }),
    ttl: { Interaction: 60, Session: 60, Grant: 60, AccessToken: 60, IdToken: 300 },
    features: { devInteractions: { enabled: true } },
  });
}

/** Follows the issuer through its pages as a browser would. */
async function signIn(url: string, person: string, nonce: string): Promise<string> {
  const cookies = new Map<string, string>();
  const visit = async (path: string, form?: Readonly<Record<string, string>>): Promise<string> => {
    const answer = await fetch(new URL(path, url), {
      redirect: 'manual',
      headers: { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') },
      ...(form && { method: 'POST', body: new URLSearchParams(form) }),
    });
    for (const line of answer.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      cookies.set(name, value);
    }
    const next = answer.headers.get('location');
    if (next === null) throw new Error(`The issuer answered ${answer.status}: ${await answer.text()}`);
    return next;
  };
  const asked = new URLSearchParams({
    ...{ client_id: CLIENT_ID, response_type: 'code', scope: 'openid', redirect_uri: REDIRECT, nonce },
    ...{ code_challenge: await challenge(), code_challenge_method: 'S256' },
  });
  const form = { login: { prompt: 'login', login: person, password: 'any' }, consent: { prompt: 'consent' } };
  let at = await visit(`/auth?${asked}`);
  for (const page of ['login', 'consent'] as const) at = await visit(await visit(at, form[page]));
  return redeem(url, new URL(at).searchParams.get('code') ?? '');
}

async function redeem(url: string, code: string): Promise<string> {
  const form = { grant_type: 'authorization_code', code, client_id: CLIENT_ID, redirect_uri: REDIRECT };
  const body = new URLSearchParams({ ...form, code_verifier: VERIFIER });
  const answer = await fetch(`${url}/token`, { method: 'POST', body });
  const { id_token: token } = (await answer.json()) as { id_token?: string };
  if (token === undefined) throw new Error(`The issuer gave no ID token (${answer.status})`);
  return token;
}

async function challenge(): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(VERIFIER));
  return Buffer.from(digest).toString('base64url');
}

async function forge(
  url: string,
  key: JWK,
  { claims, header = {} }: { claims: object; header?: object | undefined },
): Promise<string> {
  const now = Math.floor(Date.now() / 1_000);
  const usual = { iss: url, aud: CLIENT_ID, sub: 'ann', iat: now, exp: now + 300 };
  return new SignJWT({ ...usual, ...claims })
    .setProtectedHeader({ alg: 'RS256', ...(key.kid !== undefined && { kid: key.kid }), ...header })
    .sign(key);
}

async function close(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise<void>((done) => server.close(() => done()));
}
