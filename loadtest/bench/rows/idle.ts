import { setTimeout as wait } from 'node:timers/promises';
import { randomId } from '../../../shared/bytes.ts';
import type { Bench, Row } from '../row.ts';
import type { Peer } from '../speech.ts';
import { TARGET_NAMES } from '../target.ts';
import { residentBytes } from '../usage.ts';

const SOCKETS = 9_000;
const QUICK_SOCKETS = 2_000;
/** Until garbage of the connecting is collected and freed: what stays is what a socket costs. */
const SETTLE_MS = 15_000;
const QUICK_SETTLE_MS = 3_000;

export const IDLE: Row = {
  name: 'idle',
  title: 'Memory of an idle socket',
  about:
    'Sockets on one server process, each of which reads one channel of its own and is silent. Growth of the resident memory, 15 s ' +
    'after the last one came, by the number of sockets.',
  figures: { kib: 'KiB per socket', redisKib: 'in Redis besides', beforeMib: 'MiB without sockets' },
  targets: TARGET_NAMES,
  run,
};

async function run({ isQuick, start, generators }: Bench) {
  const sockets = isQuick ? QUICK_SOCKETS : SOCKETS;
  const running = await start({ processes: 1 });
  const redis = [running.redisPid];
  const before = residentBytes(running.pids);
  const redisBefore = residentBytes(redis);
  const peers = idlePeers(running.urls[0] ?? '', sockets);
  const { ready } = await generators(2).connect(peers, running.speech, 128);
  await wait(isQuick ? QUICK_SETTLE_MS : SETTLE_MS);
  const figures = {
    kib: (residentBytes(running.pids) - before) / ready / 1_024,
    redisKib: (residentBytes(redis) - redisBefore) / ready / 1_024,
    beforeMib: before / 1_024 / 1_024,
  };
  return [{ setting: `${sockets.toLocaleString('en')} sockets`, bytes: 0, figures }];
}

/** Sockets that read a channel of their own. */
export function idlePeers(url: string, sockets: number): Peer[] {
  return Array.from({ length: sockets }, () => {
    const channel = randomId();
    return { url, reads: channel, writes: channel };
  });
}
