import type { Tag } from '../../shared/frame.ts';

/**
 * 64 Redis hash tags whose slots lie one in each 256-slot band of a Cluster's 16,384, so that partitions spread evenly
 * over any number of masters. (Counting tags `{0}`…`{63}` do not: their CRC16 slots bunch, and some masters idle.)
 * The order and the spelling are stored in every key: never change either. `partitions.test.ts` recomputes the slots.
 */
export const PARTITION_TAGS: readonly string[] = Object.freeze(
  (
    'p68 p60 p73 p100 p51 p59 p131 p42 p11 p19 p171 p179 p28 p20 p3 p140 ' +
    'p69 p61 p72 p101 p50 p58 p130 p43 p10 p18 p170 p178 p29 p21 p2 p141 ' +
    'p111 p62 p71 p79 p53 p120 p48 p40 p13 p160 p173 p322 p151 p22 p1 p9 ' +
    'p110 p63 p70 p78 p52 p121 p49 p41 p12 p161 p172 p323 p150 p23 p0 p8'
  ).split(' '),
);

/** Slot of each partition in a Redis Cluster. */
export const PARTITION_SLOTS: readonly number[] = Object.freeze(
  PARTITION_TAGS.map((tag) => crc16(tag) % 16_384),
);

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const PARTITION_OF_CHAR = new Map([...ALPHABET].map((char, index) => [char, index]));

/** Partition number of a tag: tags are uniform HMAC output, so their first base64url character is 6 uniform bits. */
export function partitionOf(tag: Tag): number {
  return PARTITION_OF_CHAR.get(tag.charAt(0)) ?? 0;
}

/** A tag of our own making, that is nobody's, in the given partition. */
export function tagIn(partition: number, name: string): Tag {
  return `${ALPHABET.charAt(partition)}${name}`;
}

/** `hw1:<kind>:{<hash tag>}:<tag>`: everything of one tag shares a slot, so that one script may touch it all. */
export function relayKey(kind: string, tag: Tag): string {
  return `${partitionKey(kind, partitionOf(tag))}:${tag}`;
}

/** `hw1:<kind>:{<hash tag>}`: what there is once in each partition. */
export function partitionKey(kind: string, partition: number): string {
  return `hw1:${kind}:{${PARTITION_TAGS[partition]}}`;
}

/** CRC16-CCITT (XMODEM), the hash of the Redis Cluster specification. */
function crc16(text: string): number {
  let crc = 0;
  for (const char of text) {
    crc ^= char.charCodeAt(0) << 8;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1) & 0xffff;
  }
  return crc;
}
