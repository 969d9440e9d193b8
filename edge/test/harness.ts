import { randomId } from '../../shared/bytes.ts';
import type { LogFields } from '../../shared/log.ts';
import type { JWK } from '../../shared/token.ts';
import { createIdTokens } from '../adapters/oidc-id-tokens.ts';
import { createApp } from '../app.ts';
import { type EdgeConfig, readConfig } from '../config.ts';
import { createNodes } from '../nodes.ts';
import { Client } from './client.ts';
import { createMemoryLimiter, type MemoryLimiter } from './memory-limiter.ts';
import { createMemoryOrigin, type MemoryOrigin } from './memory-origin.ts';
import { createMemoryState, type MemoryState } from './memory-state.ts';
import { Trips } from './trips.ts';

/** A clock that moves only when told to. */
export class TestClock {
  #nowMs = Date.parse('2026-11-23T12:34:56Z');
  now(): number {
    return this.#nowMs;
  }
  advance(ms: number): void {
    this.#nowMs += ms;
  }
}

export interface Harness {
  readonly client: Client;
  readonly clock: TestClock;
  readonly state: MemoryState;
  readonly origin: MemoryOrigin;
  readonly limiter: MemoryLimiter;
  readonly trips: Trips;
  readonly config: EdgeConfig;
  readonly logged: { readonly event: string; readonly fields: LogFields }[];
  setDraining(isDraining: boolean): void;
}

export const PUBLIC_URL = 'https://edge.example';
export const NODES = ['n1', 'n2', 'n3'].map((node) => ({
  node,
  url: `wss://${node}.example`,
  connections: 0,
  isDraining: false,
}));

/**
 * An edge in this process over stores in memory, whose trips are counted and whose clock is ours; over those of another one
 * when given, as after a restart with other variables.
 */
export async function createHarness(
  env: Readonly<Record<string, string>> = {},
  before?: Pick<Harness, 'clock' | 'state' | 'origin'>,
): Promise<Harness> {
  const clock = before?.clock ?? new TestClock();
  const state = before?.state ?? createMemoryState(clock);
  const origin = before?.origin ?? createMemoryOrigin();
  origin.nodeList = [...NODES];
  const trips = new Trips();
  const config = readConfig({ ...(await testEnv()), ...env });
  const limiter = createMemoryLimiter(clock, config.limitProfile);
  const logged: Harness['logged'] = [];
  let isDraining = false;
  const countedOrigin = trips.wrap('origin', origin);
  const app = await createApp(
    {
      state: trips.wrap('state', state),
      origin: countedOrigin,
      nodes: createNodes({ origin: countedOrigin, clock }),
      // Not counted: that it is asked beside the first trip has a test of its own.
      limiter,
      clock,
      random: { id: () => randomId() },
      idTokens: idTokensOf(config),
      lifecycle: { isDraining: () => isDraining },
      log: (_level, event, fields = {}) => void logged.push({ event, fields }),
    },
    config,
  );
  const client = new Client({
    baseUrl: PUBLIC_URL,
    send: (request) => app.fetch(request, { address: request.headers.get('x-test-address') ?? undefined }),
    now: () => clock.now(),
  });
  const setDraining = (draining: boolean) => {
    isDraining = draining;
  };
  return { client, clock, state, origin, limiter, trips, config, logged, setDraining };
}

function idTokensOf({ oidcIssuer: issuer, oidcClientId: clientId }: EdgeConfig) {
  return issuer === '' ? undefined : createIdTokens({ issuer, clientId });
}

/** The variables of an edge with fresh keys. */
export async function testEnv(): Promise<Record<string, string>> {
  return {
    HUSHWIRE_EDGE_PUBLIC_URL: PUBLIC_URL,
    HUSHWIRE_EDGE_SIGNING_KEYS: JSON.stringify({ keys: [await signingKey('k1')] }),
    HUSHWIRE_EDGE_TAG_KEY: `1:${randomId(32)}`,
    HUSHWIRE_EDGE_SEAL_KEYS: `1:${randomId(32)}`,
    HUSHWIRE_EDGE_STATE_URL: 'http://127.0.0.1:1',
    HUSHWIRE_EDGE_STATE_TOKEN: randomId(),
    HUSHWIRE_EDGE_ORIGIN_API: 'http://127.0.0.1:2',
  };
}

/** A fresh private Ed25519 key. */
export async function signingKey(kid: string): Promise<JWK> {
  const pair = (await crypto.subtle.generateKey({ name: 'Ed25519' }, true, [
    'sign',
    'verify',
  ])) as CryptoKeyPair;
  const { kty, crv, x, d } = await crypto.subtle.exportKey('jwk', pair.privateKey);
  return { kty, crv, x, d, kid } as JWK;
}
