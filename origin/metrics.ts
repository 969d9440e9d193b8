import { FAILURES, type FailureCode, isFailureCode } from '../shared/failures.ts';

/** Why a connection ended: the failure this node closed it with, or `peer` when the other side left. */
export type CloseReason = FailureCode | 'peer';

/**
 * What this node counts. Plain numbers, so that the hot path pays one addition; the metrics adapter reads them when it
 * is scraped. Every label comes from a closed set: nothing a peer chose ever becomes one.
 */
export interface Counters {
  /** Publications accepted from local connections, duplicates included. */
  publishes: number;
  /** Live publications handed to the fan-out of this node. */
  deliveries: number;
  /** Publications replayed from a log to returning connections. */
  replayed: number;
  /** Mailbox items handed to connections. */
  delivered: number;
  /** Gaps told to connections. */
  gaps: number;
  /** Holes in the live feed that were filled from the log before anybody saw them. */
  repairs: number;
  readonly closed: ReadonlyMap<CloseReason, number>;
  readonly failed: ReadonlyMap<FailureCode, number>;
  /** Counts the end of one connection. */
  closes(reason: CloseReason): void;
  /** Counts one command that was answered with `failed`. */
  failures(code: FailureCode): void;
}

/** Counters at zero, for the life of this process. */
export function createCounters(): Counters {
  // Every label exists from the start: a counter that appears with its first event hides that event from a rate.
  const codes = Object.keys(FAILURES).filter(isFailureCode);
  const closing = codes.filter((code) => FAILURES[code].close !== undefined);
  const closed = new Map<CloseReason, number>([['peer', 0], ...closing.map((code) => [code, 0] as const)]);
  const failed = new Map<FailureCode, number>(codes.map((code) => [code, 0]));
  return {
    publishes: 0,
    deliveries: 0,
    replayed: 0,
    delivered: 0,
    gaps: 0,
    repairs: 0,
    closed,
    failed,
    closes: (reason) => void closed.set(reason, (closed.get(reason) ?? 0) + 1),
    failures: (code) => void failed.set(code, (failed.get(code) ?? 0) + 1),
  };
}
