/**
 * Requests and answers of the two HTTP listeners (internal API, health) as plain data: the handlers are functions from
 * one to the other, and only the listener (adapters/http-server.ts) knows sockets.
 */
import { type Failure, toProblem } from '../shared/failure.ts';

export interface HttpRequest {
  readonly method: string;
  /** Path with query, exactly as requested. */
  readonly path: string;
  /** By lower-case name; repeated headers as Node joins them. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** The whole body, within the listener's limit; empty when there is none. */
  readonly body: Uint8Array<ArrayBuffer>;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Answers one request. What it throws is answered as `internal` by the listener, without a word of it. */
export type HttpHandler = (request: HttpRequest) => Promise<HttpAnswer>;

/** A JSON answer that no cache keeps. */
export function jsonAnswer(
  status: number,
  value: unknown,
  headers: Readonly<Record<string, string>> = {},
): HttpAnswer {
  return {
    status,
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store', ...headers },
    body: JSON.stringify(value),
  };
}

/** A failure as problem details (RFC 9457), with the request's id in body and header. */
export function problemAnswer(
  failure: Failure,
  requestId: string,
  headers: Readonly<Record<string, string>> = {},
): HttpAnswer {
  const problem = toProblem(failure, requestId);
  return jsonAnswer(problem.status, problem, {
    'content-type': 'application/problem+json',
    'x-request-id': requestId,
    ...headers,
  });
}
