/**
 * Every limit of a node that its operator may set, in one table: its default (shared/limits.ts), the least and the most
 * it may be, its unit, and the failure that whoever goes beyond it sees. Each has the variable
 * `HUSHWIRE_ORIGIN_LIMIT_<NAME>`. The hard caps bound what one node can be made to hold, whatever its configuration
 * says; what a client relies on (the largest frame, the largest ciphertext) may be lowered, never raised.
 */
import { integer, type Variable } from '../shared/env.ts';
import { Failure } from '../shared/failure.ts';
import type { FailureCode } from '../shared/failures.ts';
import { LIMITS } from '../shared/limits.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

export interface LimitRow {
  readonly about: string;
  readonly unit: 'bytes' | 'bytes a second' | 'count' | 'a second' | 'ms';
  readonly least: number;
  /** The hard cap. */
  readonly most: number;
  /** What a peer is told beyond it; undefined when only the node itself notices. */
  readonly beyond: FailureCode | undefined;
}

/** In the order of shared/limits.ts, and under its names. */
export const LIMIT_TABLE = {
  frameBytes: {
    about: 'largest message on a socket',
    unit: 'bytes',
    least: 32 * KIB,
    most: LIMITS.frameBytes,
    beyond: 'frame_too_large',
  },
  dataBytes: {
    about: 'largest ciphertext of one publication or mailbox item',
    unit: 'bytes',
    least: KIB,
    most: LIMITS.dataBytes,
    beyond: 'payload_too_large',
  },
  channelsPerConnection: count('channels one connection may subscribe to, or hold grants for', {
    most: 2_000,
    beyond: 'channel_limit',
  }),
  mailboxesPerConnection: count('mailboxes one connection may hold grants for', {
    most: 10_000,
    beyond: 'channel_limit',
  }),
  presentPerChannel: count('members of a channel that presence counts', { most: 100_000 }),
  pendingCommands: count('commands of one connection that wait for their answer', {
    most: 1_024,
    beyond: 'pending_limit',
  }),
  commandsPerSecond: rate('commands of one connection', 1_000),
  commandsBurst: count('commands of one connection that may be saved up', { most: 5_000 }),
  bytesPerSecond: byteRate("bytes of one connection's messages", 16 * MIB),
  bytesBurst: bytes("bytes of one connection's messages that may be saved up", 64 * MIB),
  accountCommandsPerSecond: rate('commands of all connections of one account at this node', 5_000),
  accountCommandsBurst: count('commands of one account that may be saved up', { most: 25_000 }),
  accountBytesPerSecond: byteRate('bytes of all connections of one account at this node', 64 * MIB),
  accountBytesBurst: bytes('bytes of one account that may be saved up', 256 * MIB),
  accountsCounted: count('accounts whose commands and bytes a node counts at a time', {
    least: 1_000,
    most: 1_000_000,
    beyond: undefined,
  }),
  connectionsPerSecond: rate('new connections of this node', 10_000),
  connectionsBurst: count('new connections that may be saved up', { most: 20_000 }),
  admittingConnections: count('connections of this node that are not admitted yet', { most: 20_000 }),
  admissionMs: {
    about: 'how long a connection may take to be admitted',
    unit: 'ms',
    least: 1_000,
    most: 30_000,
    beyond: 'ticket_timeout',
  },
  stayMs: {
    about: 'how long a connection stays without a newer ticket',
    unit: 'ms',
    least: 15 * 60_000,
    most: 24 * 3_600_000,
    beyond: 'grant_expired',
  },
  outboxBytes: {
    about: 'bytes queued for a peer that reads slowly',
    unit: 'bytes',
    least: 512 * KIB,
    most: 16 * MIB,
    beyond: 'slow_consumer',
  },
} as const satisfies Partial<Record<keyof typeof LIMITS, LimitRow>>;

export type LimitName = keyof typeof LIMIT_TABLE;

/** What holds at one node; `LIMITS` itself is one of these, and so is the origin's configuration. */
export type NodeLimits = Readonly<Record<LimitName, number>>;

/** The variable that sets a limit. */
export function limitVariable(name: LimitName): string {
  return `HUSHWIRE_ORIGIN_LIMIT_${name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
}

/** The variables of all limits, by their names. */
export const LIMIT_VARIABLES = Object.fromEntries(
  Object.entries<LimitRow>(LIMIT_TABLE).map(([key, { about, unit, least, most }]) => {
    const name = key as LimitName; // The table has no other keys.
    const options = { about: `${about} (${unit})`, min: least, max: most, fallback: LIMITS[name] };
    return [name, integer(limitVariable(name), options)];
  }),
) as Readonly<Record<LimitName, Variable<number>>>;

/** What is wrong with limits that are each within their bounds; none is well. */
export function limitFaults(limits: NodeLimits): string[] {
  const wanted = charsOf(limits.dataBytes) + ENVELOPE_BYTES;
  if (limits.frameBytes >= wanted) return [];
  const [frame, data] = [limitVariable('frameBytes'), limitVariable('dataBytes')];
  return [`${frame} is ${limits.frameBytes}, but ${data} needs frames of ${wanted}; wanted: both to fit`];
}

/** Throws `payload_too_large` when `data` holds more than this node takes; the parser knows the protocol's bound only. */
export function requireFits(data: string, { dataBytes }: Pick<NodeLimits, 'dataBytes'>): void {
  if (data.length > charsOf(dataBytes)) throw new Failure('payload_too_large');
}

/** So many base64url characters has the longest `data`. */
function charsOf(dataBytes: number): number {
  return Math.ceil((dataBytes * 4) / 3);
}

/** More than everything else in a frame with one ciphertext. */
const ENVELOPE_BYTES = KIB;

interface Bounds {
  readonly least?: number;
  readonly most: number;
  readonly beyond?: FailureCode | undefined;
}

function count(about: string, bounds: Bounds): LimitRow {
  return { about, unit: 'count', least: 1, beyond: 'too_many_requests', ...bounds };
}

function rate(about: string, most: number): LimitRow {
  return { about, unit: 'a second', least: 1, most, beyond: 'too_many_requests' };
}

function byteRate(about: string, most: number): LimitRow {
  return { about, unit: 'bytes a second', least: KIB, most, beyond: 'too_many_requests' };
}

/** At least one frame of the largest size, which would never get through otherwise. */
function bytes(about: string, most: number): LimitRow {
  return { about, unit: 'bytes', least: LIMITS.frameBytes, most, beyond: 'too_many_requests' };
}
