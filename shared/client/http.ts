import { Failure } from '../failure.ts';
import { type FailureCode, isFailureCode } from '../failures.ts';
import type { Clock } from './clock.ts';

/** Longest wait for one answer of the edge; it makes at most three trips of its own. */
export const HTTP_DEADLINE_MS = 10_000;
/** Longest answer read; a page of a key log has about 170 KB. */
const ANSWER_MAX_BYTES = 256 * 1024;

export interface Call {
  readonly path: string;
  /** `POST` by default. */
  readonly method?: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Sent as JSON. */
  readonly body?: object;
  /** Access token, where the call needs one. */
  readonly token?: string;
  readonly signal?: AbortSignal | undefined;
  /** Longest answer read, where it may be longer than most. */
  readonly answerBytes?: number;
}

/**
 * Asks the edge and gives back the answer that `check` accepts. Throws the Failure the edge named; `unavailable`
 * when it did not answer in time; `internal` when what answered was no edge. An abort throws the signal's reason.
 */
export type Http = <T>(call: Call, check: (answer: unknown) => answer is T) => Promise<T>;

export interface HttpPorts {
  /** URL of the edge, without trailing slash. */
  readonly edge: string;
  readonly fetch: typeof fetch;
  readonly clock: Clock;
}

export function createHttp({ edge, fetch, clock }: HttpPorts): Http {
  return async (call, check) => {
    const expiry = new AbortController();
    const cancel = clock.after(HTTP_DEADLINE_MS, () => expiry.abort());
    const signal = call.signal === undefined ? expiry.signal : AbortSignal.any([call.signal, expiry.signal]);
    try {
      const response = await fetch(`${edge}${call.path}`, requestOf(call, signal));
      const answer = parse(await readText(response, call.answerBytes ?? ANSWER_MAX_BYTES));
      if (!response.ok) throw failureOf(response, answer);
      if (!check(answer)) throw new Failure('internal', { detail: 'The answer is not one of an edge' });
      return answer;
    } catch (error) {
      if (error instanceof Failure) throw error;
      call.signal?.throwIfAborted();
      throw new Failure('unavailable', { detail: 'The edge did not answer', cause: error });
    } finally {
      cancel();
    }
  };
}

function requestOf({ method = 'POST', body, token }: Call, signal: AbortSignal): RequestInit {
  const headers: Record<string, string> = body === undefined ? {} : { 'content-type': 'application/json' };
  if (token !== undefined) headers.authorization = `Bearer ${token}`;
  return {
    method,
    headers,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal,
    cache: 'no-store',
    credentials: 'omit',
    redirect: 'error',
    referrerPolicy: 'no-referrer',
  };
}

/** The body as text; throws `internal` on one that is larger than any of ours. */
async function readText(response: Response, maxBytes: number): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  let bytes = 0;
  const reader = response.body?.getReader();
  for (let part = await reader?.read(); part !== undefined && !part.done; part = await reader?.read()) {
    bytes += part.value.byteLength;
    if (bytes > maxBytes) {
      await reader?.cancel();
      throw new Failure('internal', { detail: 'The answer is larger than any of an edge' });
    }
    text += decoder.decode(part.value, { stream: true });
  }
  return text + decoder.decode();
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // Judged by the status: an error page of something in between is not JSON.
  }
}

/** The failure that problem details name (RFC 9457), or for a foreign answer the one its status stands for. */
function failureOf(response: Response, answer: unknown): Failure {
  const { code, detail, retryAfterMs } = fieldsOf(answer);
  if (!isFailureCode(code)) return foreign(response);
  return new Failure(code, {
    ...(typeof detail === 'string' ? { detail } : {}),
    ...(isDelay(retryAfterMs) ? { retryAfterMs } : {}),
  });
}

function foreign(response: Response): Failure {
  const seconds = Number(response.headers.get('retry-after') ?? Number.NaN);
  const retryAfterMs = Number.isFinite(seconds) ? { retryAfterMs: Math.max(0, seconds * 1_000) } : {};
  return new Failure(codeOfStatus(response.status), {
    detail: `Something other than an edge answered with ${response.status}`,
    ...retryAfterMs,
  });
}

/** 502 to 504 come from balancers whose servers are away, 429 from those that limit; no other is one we can read. */
function codeOfStatus(status: number): FailureCode {
  if (status === 429) return 'too_many_requests';
  return status >= 502 && status <= 504 ? 'unavailable' : 'internal';
}

function fieldsOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function isDelay(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}
