/** The border: whatever was thrown leaves as problem details (RFC 9457), and nothing of ours leaves with it. */
import type { Context } from 'hono';
import { HTTPException } from 'hono/http-exception';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { Failure, type Problem, toFailure, toProblem } from '../shared/failure.ts';
import type { FailureCode } from '../shared/failures.ts';
import { errorFields, type Log } from '../shared/log.ts';
import type { EdgeEnv } from './access.ts';
import type { ProblemAnswer, Refuse } from './ports.ts';

export const PROBLEM_TYPE = 'application/problem+json';

/** Turns whatever was thrown outside the app into an answer, and logs faults of our own side. */
export function refuseWith(log: Log): Refuse {
  return (thrown, requestId) => {
    const answer = problemAnswer(thrown, requestId);
    if (answer.problem.status >= 500) logFault(thrown, { problem: answer.problem, log });
    return answer;
  };
}

/** Answers with the failure; faults of our own side are logged with their request id, and nothing but class and code. */
export function answerProblem(c: Context<EdgeEnv>, thrown: unknown, log: Log): Response {
  const { problem, headers } = refuseWith(log)(thrown, c.get('requestId'));
  for (const [name, value] of Object.entries(headers)) c.header(name, value);
  return c.body(JSON.stringify(problem), problem.status as ContentfulStatusCode);
}

/** Turns anything thrown into an answer; unknown errors become `internal`. */
function problemAnswer(thrown: unknown, requestId: string): ProblemAnswer {
  const failure = toFailure(fromHono(thrown));
  const problem = toProblem(failure, requestId);
  const headers: Record<string, string> = {
    'content-type': PROBLEM_TYPE,
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'x-request-id': requestId,
  };
  if (failure.retryAfterMs !== undefined)
    headers['retry-after'] = String(Math.ceil(failure.retryAfterMs / 1_000));
  // RFC 9110 §15.5.2: a 401 names a challenge. There is only this one scheme, whatever was refused.
  if (problem.status === 401) headers['www-authenticate'] = 'Bearer';
  if (failure.code === 'upgrade_required') headers.upgrade = 'websocket';
  return { problem, headers };
}

function logFault(thrown: unknown, { problem, log }: { problem: Problem; log: Log }): void {
  const { code, status, requestId } = problem;
  const cause = thrown instanceof Failure ? (thrown.cause ?? thrown) : thrown;
  const { error } = errorFields(cause);
  const level = code === 'internal' ? 'error' : 'warn';
  log(level, 'request.failed', { requestId, code, status, ...(error === undefined ? {} : { error }) });
}

/** What Hono's own middleware throws: malformed JSON is the only case it leaves to us. */
function fromHono(thrown: unknown): unknown {
  if (!(thrown instanceof HTTPException)) return thrown;
  const code: FailureCode = thrown.status === 400 ? 'bad_request' : 'internal';
  return code === 'internal' ? thrown : new Failure(code, { detail: 'The body is not JSON', cause: thrown });
}
