import * as assert from 'uvu/assert';
import { describe } from '../../shared/testing/suite.ts';
import { PARTITION_TAGS, partitionOf, relayKey } from './partitions.ts';

const SLOTS = 16_384;

describe('partitions', ({ test }) => {
  test('each lies in its own 256-slot band', () => {
    const bands = PARTITION_TAGS.map((tag) => Math.floor((crc16(tag) % SLOTS) / 256));
    assert.equal(
      bands,
      Array.from({ length: 64 }, (_, band) => band),
    );
  });

  test('spread over 3, 5 and 6 masters differ by at most two', () => {
    for (const masters of [3, 5, 6]) {
      const perMaster = new Array<number>(masters).fill(0);
      for (const tag of PARTITION_TAGS) {
        const master = Math.min(masters - 1, Math.floor(((crc16(tag) % SLOTS) * masters) / SLOTS));
        perMaster[master] = (perMaster[master] ?? 0) + 1;
      }
      assert.ok(Math.max(...perMaster) - Math.min(...perMaster) <= 2, `${masters}: ${perMaster}`);
    }
  });

  test('follow the first character of a tag', () => {
    assert.is(partitionOf('A000000000000000000000'), 0);
    assert.is(partitionOf('_000000000000000000000'), 63);
    assert.is(relayKey('log', 'B000000000000000000000'), 'hw1:log:{p60}:B000000000000000000000');
  });
});

/** CRC16-CCITT (XMODEM), the hash of the Redis Cluster specification. */
function crc16(text: string): number {
  let crc = 0;
  for (const char of text) {
    crc ^= char.charCodeAt(0) << 8;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1) & 0xffff;
  }
  return crc;
}
