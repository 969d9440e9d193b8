/**
 * Reports that moderators can verify and the service cannot read. A module of its own, which an application loads when
 * somebody reports or moderates.
 *
 * A report is a compact JWE to one moderator's report key, with spaces behind its JSON so that its length tells little.
 * How it travels (a mailbox, a channel of the moderators) is up to the application.
 */
import { fromBase64Url, fromUtf8, toBase64Url, utf8 } from '../bytes.ts';
import { Failure } from '../failure.ts';
import type { Tag } from '../frame.ts';
import { decryptWith, encryptTo } from '../jwe.ts';
import { createVerifier, type JWK, type PublicKeys } from '../token.ts';
import { openCommitment } from './commitment.ts';
import type { Moderation } from './moderation.ts';
import type { Message } from './reader.ts';

/** What can be reported: a message as a channel, or a group (`SecureMessage.reportable`), brings it. */
export type Reportable = Pick<Message, 'id' | 'from' | 'bytes' | 'evidence'>;

/** What a report tells, once all of it has been verified. */
export interface Report {
  readonly channelId: string;
  readonly messageId: string;
  /** Member tag of who sent it. */
  readonly from: Tag;
  readonly bytes: Uint8Array;
  /** Beginning of the hour in which a node relayed it, in milliseconds since 1970. */
  readonly relayedMs: number;
}

/** A moderator's keys for reports; the private one never leaves the device. */
export interface ReportKeys {
  readonly publicKey: JWK;
  readonly privateKey: CryptoKey;
}

export interface ReportReaderOptions {
  readonly channelId: string;
  readonly keys: ReportKeys;
  /** Public URL of the edge, whose word counts. */
  readonly edge: string;
  /** What the edge serves at `/.well-known/jwks.json`. */
  readonly publicKeys: PublicKeys;
  readonly now?: () => number;
  /** Commitments that were reported already; keep them for 30 days, as long as an attestation is good. */
  readonly seen?: Pick<Set<string>, 'has' | 'add'>;
}

/** Lengths of the JSON; the largest message as base64 fits the last. */
const REPORT_BYTES = [4, 16, 64, 128].map((kib) => kib * 1024);
/** JWE of the last of them. */
const REPORT_MAX_CHARS = 180 * 1024;
const HOUR_MS = 3_600_000;

/** Fresh report keys; hand the public one to the members over a way they trust. */
export async function createReportKeys(): Promise<ReportKeys> {
  const algorithm = { name: 'ECDH', namedCurve: 'P-256' };
  const { publicKey, privateKey } = await crypto.subtle.generateKey(algorithm, false, ['deriveBits']);
  const { kty, crv, x, y } = await crypto.subtle.exportKey('jwk', publicKey);
  return { publicKey: { kty, crv, x, y } as JWK, privateKey }; // An ECDH key has all four.
}

/**
 * The report of one message, once for each moderator. Throws `report_refused` when the message proves nothing (no stamp,
 * or older than 14 days), `forbidden` for who is no member, `too_many_requests`, `bad_request` on an unusable key.
 */
export async function sealReport(
  moderation: Moderation,
  { message, to }: { readonly message: Reportable; readonly to: readonly JWK[] },
): Promise<string[]> {
  const { id, from, bytes, evidence } = message;
  if (evidence === undefined) throw refused('Nobody stamped this message');
  const { opening, ...stamped } = evidence;
  const attestation = await moderation.attest({ message: id, from, ...stamped });
  const plaintext = spaced(JSON.stringify({ attestation, opening, content: toBase64Url(bytes) }));
  return Promise.all(to.map((key) => encryptTo(key, plaintext)));
}

/**
 * Reads reports of one channel. Throws `bad_request` for what is not meant for these keys, `report_refused` for what does
 * not hold: a sender, text or channel other than what was relayed, a word that is not the edge's or too old; `conflict`
 * for a message that was reported before.
 */
export function createReportReader(options: ReportReaderOptions): (report: string) => Promise<Report> {
  const { channelId, keys, edge, publicKeys, now = Date.now, seen = new Set() } = options;
  const verifier = createVerifier(edge, publicKeys);
  return async (jwe) => {
    const plaintext = await decryptWith(keys.privateKey, jwe, REPORT_MAX_CHARS);
    const { attestation, opening, content } = parse(plaintext);
    const claims = await verifier.verify('report', attestation, now());
    if (typeof claims === 'string') throw refused('The attestation is not the edge’s, or too old');
    const { channel, message: messageId, from, commitment, hour } = claims;
    if (channel !== channelId) throw refused('It is about another channel');
    const opened = await openCommitment(joined(opening, content), commitment, { channelId, messageId });
    if (opened === undefined) throw refused('This is not what was sent');
    if (seen.has(commitment)) throw new Failure('conflict', { detail: 'This message was reported before' });
    seen.add(commitment);
    return { channelId, messageId, from, bytes: opened.content, relayedMs: Number(hour) * HOUR_MS };
  };
}

interface Parsed {
  readonly attestation: string;
  readonly opening: string;
  readonly content: string;
}

function parse(plaintext: Uint8Array): Parsed {
  try {
    const fields: unknown = JSON.parse(fromUtf8(plaintext));
    if (isParsed(fields)) return fields;
  } catch (cause) {
    throw new Failure('report_refused', { detail: 'It is no report', cause });
  }
  throw refused('It is no report');
}

function isParsed(value: unknown): value is Parsed {
  if (typeof value !== 'object' || value === null) return false;
  const { attestation, opening, content } = value as Record<string, unknown>;
  return [attestation, opening, content].every((field) => typeof field === 'string');
}

/** Opening and content as they were encrypted; 43 characters are 32 bytes, and nothing else is an opening. */
function joined(opening: string, content: string): Uint8Array {
  try {
    const [key, bytes] = [fromBase64Url(opening), fromBase64Url(content)];
    if (opening.length !== 43) throw new TypeError('Not 32 bytes');
    const out = new Uint8Array(key.length + bytes.length);
    out.set(key);
    out.set(bytes, key.length);
    return out;
  } catch (cause) {
    throw new Failure('report_refused', { detail: 'It is no report', cause });
  }
}

function spaced(json: string): Uint8Array {
  const bytes = REPORT_BYTES.find((size) => size >= json.length) ?? json.length;
  return utf8(json.padEnd(bytes));
}

function refused(detail: string): Failure {
  return new Failure('report_refused', { detail });
}
