/**
 * Calls at the edge at a steady rate, in the mix of an app whose people come and go.
 *
 *     k6 run -e EDGE_URL=https://edge.example -e RATE=30 -e SECONDS=60 loadtest/api.ts
 *
 * RATE (30) calls a second, SECONDS (60). Every call is measured once, without a second try; the promise is p95 < 100 ms and
 * that none is refused.
 */
import type { Options } from 'k6/options';
import { assertionOf, createDevice, randomId } from './lib/crypto.ts';
import { createAccount, pause, type SignedIn, timed } from './lib/edge.ts';
import { once, planOf, runGenerator } from './lib/plan.ts';
import { nowMs, promise, refuse } from './lib/promises.ts';
import { rate, seconds } from './lib/settings.ts';
import { summarise, TREND_STATS } from './lib/summary.ts';

const PLAN = planOf({ rampS: 5, seconds: seconds(60) });
/** Each makes its calls one after another, so that it can be no flood. */
const CALLERS = 10;

export const options: Options = {
  scenarios: { callers: once(PLAN, 'callers', CALLERS), generator: once(PLAN, 'generator', 1) },
  thresholds: promise('api', 'refusals'),
  summaryTrendStats: TREND_STATS,
};

export async function callers(): Promise<void> {
  const who = (await createAccount(1))?.devices[0];
  if (who === undefined) return;
  const everyMs = (1_000 * CALLERS) / rate(30);
  await pause(PLAN.fromMs - nowMs() + Math.random() * everyMs);
  for (let n = 0; nowMs() < PLAN.untilMs; n += 1) {
    const startMs = nowMs();
    const kind = KINDS[n % KINDS.length] ?? connectOnce;
    const { wanted, status } = await kind(who);
    if (status !== wanted) refuse('a call', String(status));
    await pause(startMs + everyMs - nowMs());
  }
}

type Kind = (who: SignedIn) => Promise<{ readonly wanted: number; readonly status: number }>;
/** Twice as many connects as anything else: that is what clients do most. */
const KINDS: readonly Kind[] = [signUp, connectOnce, signInAgain, connectOnce, makeChannel, listDevices];

async function signUp() {
  const device = await createDevice();
  const assertion = await assertionOf(device, { purpose: 'sign-up', sub: '' });
  const body = { publicKey: device.publicKey, assertion };
  return { wanted: 201, status: await timed({ path: '/v1/accounts', body }) };
}

async function signInAgain({ device, userId }: SignedIn) {
  const body = { assertion: await assertionOf(device, { purpose: 'sign-in', sub: userId }) };
  return { wanted: 201, status: await timed({ path: '/v1/sessions', body }) };
}

async function connectOnce({ accessToken: token }: SignedIn) {
  return { wanted: 200, status: await timed({ path: '/v1/connect', body: { channels: [] }, token }) };
}

async function makeChannel({ accessToken: token }: SignedIn) {
  const body = { channelId: randomId() };
  return { wanted: 201, status: await timed({ path: '/v1/channels', body, token }) };
}

async function listDevices({ accessToken: token }: SignedIn) {
  return { wanted: 200, status: await timed({ method: 'GET', path: '/v1/devices', token }) };
}

export const generator = () => runGenerator(PLAN);
export const handleSummary = summarise('api');
