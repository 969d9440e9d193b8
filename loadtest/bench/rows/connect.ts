import type { Bench, Row } from '../row.ts';
import { TARGET_NAMES } from '../target.ts';
import { cpuSeconds } from '../usage.ts';
import { idlePeers } from './idle.ts';

/** On each of two processes: within the burst that a Hushwire node admits before it paces (protocol.md, "Limits"). */
const SOCKETS_EACH = 1_800;
const QUICK_SOCKETS_EACH = 500;
/** Connections under way at once. */
const AT_ONCE = 128;

export const CONNECT: Row = {
  name: 'connect',
  title: 'Connecting',
  about:
    'Sockets come as fast as two server processes let them, 128 under way at once, until each reads its channel. Hushwire verifies ' +
    'two signatures and redeems a ticket for each; the others let everybody in.',
  figures: { cpuUs: 'CPU µs per connection', perSecond: 'connections/s' },
  targets: TARGET_NAMES,
  run,
};

async function run({ isQuick, start, generators }: Bench) {
  const each = isQuick ? QUICK_SOCKETS_EACH : SOCKETS_EACH;
  const running = await start({ processes: 2 });
  const pids = [...running.pids, running.redisPid];
  const fleet = generators(2);
  const before = cpuSeconds(pids);
  const peers = running.urls.flatMap((url) => idlePeers(url, each));
  const { ready, ms } = await fleet.connect(peers, running.speech, AT_ONCE);
  const figures = { cpuUs: ((cpuSeconds(pids) - before) / ready) * 1e6, perSecond: (ready * 1_000) / ms };
  return [{ setting: `${ready.toLocaleString('en')} sockets`, bytes: 0, figures }];
}
