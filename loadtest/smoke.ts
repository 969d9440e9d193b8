/**
 * The shortest way through the whole service: sign up, sign in, make a channel, connect, open a socket, subscribe, publish,
 * and see the own publication come back. Every check must pass.
 *
 *     K6_AUTO_EXTENSION_RESOLUTION=false k6 run --no-usage-report -e EDGE_URL=http://127.0.0.1:8787 loadtest/smoke.ts
 *
 * ITERATIONS (3). Needs k6 v2 (`go install go.k6.io/k6/v2@v2.2.0`). What is published is random bytes in the size of the
 * smallest bucket: a node cannot tell them from ciphertext.
 */
import { check } from 'k6';
import http from 'k6/http';
import type { Options } from 'k6/options';
import { enter, type Member } from './lib/crowd.ts';
import { randomId, randomText } from './lib/crypto.ts';
import { createAccount, createChannel, pause } from './lib/edge.ts';
import type { Publication } from './lib/peer.ts';
import { accepted, arrived, nowMs, promise, realtime } from './lib/promises.ts';
import { EDGE_URL, whole } from './lib/settings.ts';
import { summarise, TREND_STATS } from './lib/summary.ts';

const ARRIVAL_MS = 5_000;

declare const console: { log(text: string): void };

export const options: Options = {
  vus: 1,
  iterations: whole('ITERATIONS', 3, [1, 1_000]),
  thresholds: { ...promise('checks', 'delivery', 'closes', 'refusals'), arrived: ['count>=1'] },
  summaryTrendStats: TREND_STATS,
};

/** Names the budgets in force: a run under raised ones says nothing about a service that has others. */
export function setup(): void {
  const { limitProfile } = http.get(`${EDGE_URL}/healthz`).json() as { limitProfile?: string };
  console.log(`limit profile of the edge: ${limitProfile ?? 'unknown'}`);
}

export default async function smoke(): Promise<void> {
  const who = (await createAccount(1))?.devices[0];
  const channelId = who && (await createChannel(who));
  if (check(channelId, { 'an account with a channel': (made) => made !== undefined }) && who !== undefined) {
    const heard: Publication[] = [];
    const member = await enter(who, channelId ?? '', {
      onPublication: (message) => void heard.push(message),
    });
    check(member, { 'a socket is open': (entered) => entered !== undefined });
    if (member !== undefined) await publishToSelf(member, heard);
    member?.peer.close();
  }
}

async function publishToSelf({ peer, channel }: Member, heard: readonly Publication[]): Promise<void> {
  const [id, data] = [randomId(), randomText(1_024)];
  const sentMs = nowMs();
  const isAccepted = await peer.publish(channel, id, data);
  if (isAccepted) accepted.add(1);
  check(isAccepted, { 'the message was accepted': (is) => is });
  while (heard.length === 0 && nowMs() - sentMs < ARRIVAL_MS) await pause(1);
  realtime.add(nowMs() - sentMs);
  arrived.add(heard.length);
  const isSame = ([first]: readonly Publication[]) =>
    first?.id === id && first.data === data && first.offset === 1 && heard.length === 1;
  check(heard, { 'it came back once, as it was sent': isSame });
}

export const handleSummary = summarise('smoke');
