import { FAILURES, type FailureCode, type Retry } from './failures.ts';
import type { Position } from './position.ts';

/** Longest close reason RFC 6455 §5.5 leaves room for: a 125-byte control frame less the 2-byte code. */
export const CLOSE_REASON_MAX_BYTES = 123;

export interface FailureOptions {
  /** One sentence for the peer; must not contain an id, a secret or a driver's words. */
  readonly detail?: string;
  /** What really happened; for the log of this process only, never sent. */
  readonly cause?: unknown;
  /** Shortest wait before a retry, in milliseconds. */
  readonly retryAfterMs?: number;
  /** With `conflict`: the position the condition would have had to name. */
  readonly position?: Position;
}

/** The only error the core throws at a peer: a code of the table, a public detail, a private cause. */
export class Failure extends Error {
  readonly code: FailureCode;
  readonly detail: string | undefined;
  readonly retryAfterMs: number | undefined;
  readonly position: Position | undefined;

  constructor(code: FailureCode, options: FailureOptions = {}) {
    super(options.detail ?? FAILURES[code].title, { cause: options.cause });
    this.name = 'Failure';
    this.code = code;
    this.detail = options.detail;
    this.retryAfterMs = options.retryAfterMs;
    this.position = options.position;
  }

  get retry(): Retry {
    return FAILURES[this.code].retry;
  }
}

/** Anything thrown, as a Failure: unknown errors become `internal` and keep the original as their cause. */
export function toFailure(thrown: unknown): Failure {
  return thrown instanceof Failure ? thrown : new Failure('internal', { cause: thrown });
}

/** True for a Failure of this code. */
export function isFailure(thrown: unknown, code: FailureCode): boolean {
  return thrown instanceof Failure && thrown.code === code;
}

/** Body of an `application/problem+json` answer (RFC 9457) with our two extension members. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: FailureCode;
  readonly retry: Retry;
  readonly requestId: string;
  readonly detail?: string;
  readonly retryAfterMs?: number;
}

/** A failure for HTTP. A code without a status of its own answers 500: it was never meant for HTTP. */
export function toProblem(failure: Failure, requestId: string): Problem {
  const { status, title, retry } = FAILURES[failure.code];
  return {
    type: `urn:hushwire:failure:${failure.code}`,
    title,
    status: status ?? 500,
    code: failure.code,
    retry,
    requestId,
    ...(failure.detail === undefined ? {} : { detail: failure.detail }),
    ...(failure.retryAfterMs === undefined ? {} : { retryAfterMs: failure.retryAfterMs }),
  };
}

/** A failure for a close frame: the code and a reason (the failure code itself) of at most 123 bytes. */
export function toClose(failure: Failure): { readonly close: number; readonly reason: string } {
  return {
    close: FAILURES[failure.code].close ?? FAILURES.internal.close ?? 1011,
    reason: failure.code.slice(0, CLOSE_REASON_MAX_BYTES),
  };
}
