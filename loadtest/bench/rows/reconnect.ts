import { setTimeout as wait } from 'node:timers/promises';
import type { Bench, Row } from '../row.ts';
import { TARGET_NAMES } from '../target.ts';
import { idlePeers } from './idle.ts';

const SOCKETS = 10_000;
const QUICK_SOCKETS = 1_000;
/** Some readers are written to all the time: what they miss is what a service would have lost. */
const WRITTEN_TO = 100;
const PER_SECOND = 200;
const BEFORE_MS = 2_000;
const AFTER_MS = 3_000;

export const RECONNECT: Row = {
  name: 'reconnect',
  title: 'A node dies',
  about:
    'All sockets are on one of two server processes, which is killed. Every client comes back to the other one, the first time ' +
    'after up to 1 s, then with growing waits. 100 of them are written to all the while, 200 messages a second: what they never got is ' +
    'lost.',
  figures: {
    backSeconds: 's until all are back',
    lost: 'messages lost',
    lostPercent: '% of all',
    retries: 'tries again',
    recovered: 'sockets recovered',
  },
  targets: TARGET_NAMES,
  run,
};

async function run({ isQuick, sizes, start, generators }: Bench) {
  const sockets = isQuick ? QUICK_SOCKETS : SOCKETS;
  const running = await start({ processes: 2 });
  const [dying = '', staying = ''] = running.urls;
  const fleet = generators(2);
  const readers = idlePeers(dying, sockets);
  const writers = idlePeers(staying, WRITTEN_TO).map((peer, i) => ({
    ...peer,
    writes: readers[i]?.reads ?? '',
  }));
  await fleet.connect(writers, running.speech);
  await fleet.connect(readers, running.speech, 128);
  const [bytes = 200] = sizes;
  const manner = { isEphemeral: false, isAcked: true };
  await fleet.mark();
  await fleet.start({ perSecond: PER_SECOND, bytes, manner, senders: WRITTEN_TO / fleet.size });
  await wait(BEFORE_MS);
  await fleet.returnTo(staying);
  await running.kill(0);
  const { ms, retries } = await fleet.returned();
  await wait(AFTER_MS);
  await fleet.quiet();
  await wait(AFTER_MS);
  const { sent, received, recovered } = await fleet.read();
  const lost = sent - received;
  const figures = { backSeconds: ms / 1_000, lost, lostPercent: (lost / sent) * 100, retries, recovered };
  return [{ setting: `${sockets.toLocaleString('en')} sockets`, bytes, figures }];
}
