/**
 * Looks for secrets in what is stored and sent. A secret may have been written in another form than we know it, and
 * inside something longer that was encoded as a whole, so each is looked for as raw bytes, as hex, and as base64 and
 * base64url at each of the three places it can have between other bytes. Digests are not looked for.
 */

/** One form of one secret. */
export interface Needle {
  readonly what: string;
  readonly form: string;
  readonly bytes: Buffer;
}
/** A piece of what is searched; `where` tells people which. */
export interface Haystack {
  readonly where: string;
  readonly bytes: Uint8Array;
}
export interface Finding {
  readonly what: string;
  readonly form: string;
  readonly where: string;
}
export interface SearchResult {
  readonly findings: readonly Finding[];
  /** How much was looked at. */
  readonly pieces: number;
  readonly totalBytes: number;
}

/** Findings kept of each secret; a leak into every message need not be told a thousand times. */
const FINDINGS_MAX = 5;
/** A shorter secret could turn up by chance. */
const SECRET_MIN_BYTES = 12;

/** Every form of one secret. */
export function needlesOf(what: string, secret: Uint8Array | string): Needle[] {
  const bytes = Buffer.from(secret);
  if (bytes.length < SECRET_MIN_BYTES) throw new Error(`Cannot search for ${what}: it is too short`);
  const hex = bytes.toString('hex');
  const forms: [string, string | Buffer][] = [
    ['raw', bytes],
    ['hex', hex],
    ['HEX', hex.toUpperCase()],
  ];
  for (const shift of [0, 1, 2]) {
    const base64 = base64At(bytes, shift);
    forms.push([`base64 at ${shift}`, base64]);
    forms.push([`base64url at ${shift}`, base64.replaceAll('+', '-').replaceAll('/', '_')]);
  }
  return forms.map(([form, text]) => ({ what, form, bytes: Buffer.from(text) }));
}

/** Looks through everything for every needle. Throws what the haystacks throw. */
export async function search(
  haystacks: AsyncIterable<Haystack> | Iterable<Haystack>,
  needles: readonly Needle[],
): Promise<SearchResult> {
  const findings: Finding[] = [];
  const left = new Map(needles.map(({ what }) => [what, FINDINGS_MAX]));
  let pieces = 0;
  let totalBytes = 0;
  for await (const { where, bytes } of haystacks) {
    pieces += 1;
    totalBytes += bytes.length;
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (const { what, form, bytes: wanted } of needles) {
      const room = left.get(what) ?? 0;
      if (room === 0 || !buffer.includes(wanted)) continue;
      left.set(what, room - 1);
      findings.push({ what, form, where });
    }
  }
  return { findings, pieces, totalBytes };
}

/** The characters of base64 that depend on these bytes alone, when `shift` other bytes (mod 3) stand before them. */
function base64At(bytes: Buffer, shift: number): string {
  const encoded = Buffer.concat([Buffer.alloc(shift), bytes]).toString('base64');
  const first = Math.ceil((shift * 8) / 6);
  const end = Math.floor(((shift + bytes.length) * 8) / 6);
  return encoded.slice(first, end);
}
