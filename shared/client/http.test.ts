import * as assert from 'uvu/assert';
import { Failure, toProblem } from '../failure.ts';
import { FAILURES, type FailureCode } from '../failures.ts';
import { rejectsWith } from '../testing/expect.ts';
import { describe } from '../testing/suite.ts';
import { createHttp, HTTP_DEADLINE_MS } from './http.ts';
import { ManualClock } from './test/manual-clock.ts';

const EDGE = 'https://edge.example';
const CALL = { path: '/v1/x', body: { a: 1 } };
const isAnything = (_: unknown): _ is unknown => true;
const isNumber = (value: unknown): value is number => typeof value === 'number';

function httpThat(answer: () => Response | Promise<Response>, clock = new ManualClock()) {
  const requests: { url: string; init: RequestInit | undefined }[] = [];
  const fetch = (async (url: string, init?: RequestInit) => {
    requests.push({ url, init });
    return answer();
  }) as typeof globalThis.fetch;
  return { http: createHttp({ edge: EDGE, fetch, clock }), requests, clock };
}

/** Answers nothing and ends as `fetch` does when its signal is aborted. */
function hanging(clock: ManualClock) {
  const fetch = ((_: string, init?: RequestInit) =>
    new Promise((_resolve, reject) => {
      init?.signal?.addEventListener('abort', () => reject(init.signal?.reason));
    })) as typeof globalThis.fetch;
  return createHttp({ edge: EDGE, fetch, clock });
}

function problem(code: FailureCode, retryAfterMs?: number): Response {
  const failure = new Failure(code, { detail: 'because', ...(retryAfterMs ? { retryAfterMs } : {}) });
  return new Response(JSON.stringify(toProblem(failure, 'r')), { status: FAILURES[code].status ?? 500 });
}

describe('calls to the edge', ({ test }) => {
  test('posts JSON with the token, without cookies, cache, referrer or redirects', async () => {
    const { http, requests } = httpThat(() => new Response('7'));
    assert.is(await http({ ...CALL, token: 't' }, isNumber), 7);
    const { url, init } = requests[0] ?? {};
    assert.is(url, 'https://edge.example/v1/x');
    assert.is(init?.body, '{"a":1}');
    assert.equal(init?.headers, { 'content-type': 'application/json', authorization: 'Bearer t' });
    assert.is(init?.credentials, 'omit');
    assert.is(init?.redirect, 'error');
  });

  test('throws the failure that problem details name, with its advice', async () => {
    for (const code of ['credentials_refused', 'too_many_requests', 'unavailable', 'conflict'] as const) {
      const { http } = httpThat(() => problem(code, 1_500));
      const failure = await rejectsWith(http(CALL, isAnything), code);
      assert.is(failure.detail, 'because');
      assert.is(failure.retryAfterMs, 1_500);
      assert.is(failure.retry, FAILURES[code].retry);
    }
  });

  test('takes foreign answers for what their status stands for', async () => {
    const vectors = [
      [502, 'unavailable'],
      [503, 'unavailable'],
      [504, 'unavailable'],
      [500, 'internal'],
      [404, 'internal'],
      [429, 'too_many_requests'],
    ] as const;
    for (const [status, code] of vectors) {
      const body = status === 404 ? '{"code":"no_code_of_ours"}' : '<html>';
      await rejectsWith(httpThat(() => new Response(body, { status })).http(CALL, isAnything), code);
    }
  });

  test('keeps the pause a foreign balancer asks for', async () => {
    const { http } = httpThat(() => new Response('', { status: 503, headers: { 'retry-after': '3' } }));
    assert.is((await rejectsWith(http(CALL, isAnything), 'unavailable')).retryAfterMs, 3_000);
  });

  test('refuses an answer of another shape, one that is no JSON, and one that is too large', async () => {
    for (const body of ['"text"', '<html>', `${' '.repeat(256 * 1024)}7`])
      await rejectsWith(httpThat(() => new Response(body)).http(CALL, isNumber), 'internal');
  });

  test('turns a network error into unavailable', async () => {
    const { http } = httpThat(() => Promise.reject(new TypeError('fetch failed')));
    await rejectsWith(http(CALL, isAnything), 'unavailable');
  });

  test('gives up at the deadline', async () => {
    const clock = new ManualClock();
    const call = rejectsWith(hanging(clock)(CALL, isAnything), 'unavailable');
    await clock.advance(HTTP_DEADLINE_MS);
    await call;
    assert.is(clock.armed, 0);
  });

  test('throws the reason of an abort, and leaves no timer', async () => {
    const clock = new ManualClock();
    const abort = new AbortController();
    const call = rejectsWith(hanging(clock)({ ...CALL, signal: abort.signal }, isAnything), 'conflict');
    abort.abort(new Failure('conflict'));
    await call;
    assert.is(clock.armed, 0);
  });
});
