/**
 * Readers that fall behind, beside probes that must not notice: their virtual users are kept busy for seconds at a time, so
 * that nothing is read from their sockets, while others write to them.
 *
 *     k6 run -e EDGE_URL=https://edge.example loadtest/slow-consumer.ts
 *
 * SOCKETS (20) slow readers, RATE (40) messages of 32 KiB a second, SECONDS (45), PROBES (6). A node may cut them off
 * (`slow consumer`); that is counted, and no fault. The promise is what the probes get meanwhile.
 */

import { sleep } from 'k6';
import exec from 'k6/execution';
import { Counter } from 'k6/metrics';
import type { Options } from 'k6/options';
import { enter, type Member } from './lib/crowd.ts';
import { randomText } from './lib/crypto.ts';
import { createAccount, createChannel, pause } from './lib/edge.ts';
import { beside, once, planOf, runGenerator, runProbe } from './lib/plan.ts';
import { nowMs, promise } from './lib/promises.ts';
import { rate, seconds, sockets, whole } from './lib/settings.ts';
import { summarise, TREND_STATS } from './lib/summary.ts';

const SOCKETS = sockets(20);
const PLAN = planOf({ rampS: 15, seconds: seconds(45) });
const BYTES = 32_768;
/** Longer than a node's queue lasts at this rate. */
const DEAF_S = 5;
const cutOff = new Counter('slow_consumers_cut_off');

export const options: Options = {
  scenarios: {
    slow: once(PLAN, 'slow', SOCKETS),
    ...beside(PLAN, whole('PROBES', 6, [1, 1_000])),
  },
  thresholds: promise('realtime', 'delivery', 'refusals'),
  summaryTrendStats: TREND_STATS,
};

/** Two sockets of one account in one channel: one writes, and both must read what it wrote. */
export async function slow(): Promise<void> {
  const account = await createAccount(2);
  const [writing, reading] = account?.devices ?? [];
  const channelId = writing && (await createChannel(writing));
  if (writing === undefined || reading === undefined || channelId === undefined) return;
  const onEnd = () => cutOff.add(1);
  const writer = await enter(writing, channelId, { onEnd });
  const reader = await enter(reading, channelId, { onEnd });
  await pause(PLAN.fromMs - nowMs() + exec.scenario.iterationInTest * 50);
  const everyMs = (1_000 * SOCKETS) / rate(40);
  while (nowMs() < PLAN.untilMs) {
    if (writer !== undefined) await burst(writer, everyMs);
    // Nothing of this virtual user goes on meanwhile, and so nothing is read.
    sleep(DEAF_S);
    await pause(100);
  }
  for (const member of [writer, reader]) member?.peer.close();
}

async function burst({ peer, channel }: Member, everyMs: number): Promise<void> {
  const count = Math.ceil((DEAF_S * 1_000) / everyMs);
  if (!peer.isOpen) return;
  await Promise.race([
    Promise.all(
      Array.from({ length: count }, () => peer.publish(channel, randomText(12), randomText(BYTES))),
    ),
    pause(1_000),
  ]);
}

export const probes = () => runProbe(PLAN);
export const generator = () => runGenerator(PLAN);
export const handleSummary = summarise('slow-consumer');
