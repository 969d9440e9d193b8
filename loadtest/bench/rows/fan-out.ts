import { randomId } from '../../../shared/bytes.ts';
import type { Bench, Row } from '../row.ts';
import type { Peer } from '../speech.ts';
import { TARGET_NAMES } from '../target.ts';
import { measure } from '../window.ts';

const READERS = 1_000;
/** Makes 20,000 deliveries a second: about half of what the slowest can do here. */
const PER_SECOND = 20;
/** So that the first and the last reader of a message are both in one of them. */
const GENERATORS = 2;

export const FAN_OUT: Row = {
  name: 'fan-out',
  title: 'One message to 1,000 readers',
  about:
    '1,000 sockets on two server processes, 500 on each, read one channel; ten of them publish in turn, 20 messages a second ' +
    'together. Hushwire logs each message, the others do not.',
  figures: {
    cpuUs: 'CPU µs per delivery',
    redisUs: 'of it Redis',
    p50Ms: 'p50 ms',
    p99Ms: 'p99 ms',
    p999Ms: 'p99.9 ms',
    perSecond: 'deliveries/s',
    othersPercent: 'others, % of machine',
  },
  targets: TARGET_NAMES,
  run,
};

async function run(bench: Bench) {
  const running = await bench.start({ processes: 2 });
  const fleet = bench.generators(GENERATORS);
  const channel = randomId();
  const peers = Array.from({ length: READERS }, (_, i): Peer => {
    const url = running.urls[i % running.urls.length] ?? '';
    return { url, reads: channel, writes: channel };
  });
  await fleet.connect(peers, running.speech);
  const samples = [];
  for (const bytes of bench.sizes) {
    const manner = { isEphemeral: false, isAcked: true };
    const traffic = { perSecond: PER_SECOND, bytes, manner, senders: 5 };
    const isFirst = samples.length === 0;
    const { seconds } = bench;
    const measured = await measure({ running, fleet, traffic, copies: READERS, seconds, isFirst });
    samples.push({ setting: `${PER_SECOND}/s`, bytes, ...measured });
  }
  return samples;
}
