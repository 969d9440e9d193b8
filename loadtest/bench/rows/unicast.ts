import { randomId } from '../../../shared/bytes.ts';
import type { Bench, Row } from '../row.ts';
import type { Manner, Peer } from '../speech.ts';
import type { Running } from '../target.ts';
import { TARGET_NAMES } from '../target.ts';
import { measure } from '../window.ts';

const SOCKETS = 1_000;
/** Messages a second over all sockets; the last is about what the slowest can do on two cores. */
const RATES = [2_000, 6_000, 12_000];
/** Where one rate must do. */
const RATE = 6_000;

const FIGURES = {
  cpuUs: 'CPU µs per delivery',
  redisUs: 'of it Redis',
  p50Ms: 'p50 ms',
  p99Ms: 'p99 ms',
  p999Ms: 'p99.9 ms',
  perSecond: 'deliveries/s',
  othersPercent: 'others, % of machine',
};

export const UNICAST: Row = {
  name: 'unicast',
  title: 'Message to one reader on another node',
  about:
    '1,000 sockets, half of them on each of two server processes; each publishes to one reader on the other. Hushwire logs ' +
    'every message and answers with its position; Socket.IO confirms every message; the floor does neither.',
  figures: FIGURES,
  targets: TARGET_NAMES,
  run: (bench) =>
    run(bench, { rates: bench.isQuick ? [RATE] : RATES, manner: { isEphemeral: false, isAcked: true } }),
};

export const EPHEMERAL: Row = {
  name: 'ephemeral',
  title: 'The same, kept nowhere',
  about:
    'As above, but ephemeral: Hushwire keeps nothing and still answers; Socket.IO and the floor are not asked to confirm.',
  figures: FIGURES,
  targets: TARGET_NAMES,
  run: (bench) =>
    run(bench, {
      rates: bench.isQuick ? [RATE] : [RATE, 12_000],
      manner: { isEphemeral: true, isAcked: false },
    }),
};

async function run(bench: Bench, { rates, manner }: { rates: readonly number[]; manner: Manner }) {
  const running = await bench.start({ processes: 2 });
  const fleet = bench.generators(1);
  await fleet.connect(pairs(running), running.speech);
  const samples = [];
  for (const bytes of bench.sizes)
    for (const perSecond of rates) {
      const traffic = { perSecond, bytes, manner };
      const measured = await measure({
        running,
        fleet,
        traffic,
        copies: 1,
        seconds: bench.seconds,
        isFirst: samples.length === 0,
      });
      samples.push({ setting: `${perSecond.toLocaleString('en')}/s`, bytes, ...measured });
    }
  return samples;
}

/** Neighbours in the list read what the other one writes, each on another server. */
export function pairs({ urls }: Pick<Running, 'urls'>, sockets = SOCKETS): Peer[] {
  const channels = Array.from({ length: sockets }, () => randomId());
  return channels.map((reads, i) => ({
    url: urls[i % urls.length] ?? '',
    reads,
    writes: channels[i % 2 === 0 ? i + 1 : i - 1] ?? '',
  }));
}
