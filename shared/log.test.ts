import * as assert from 'uvu/assert';
import { createLog, errorFields, type LogFields } from './log.ts';
import { describe } from './testing/suite.ts';

const START_MS = Date.UTC(2026, 10, 23, 7, 5, 31, 250);

function createFixture() {
  const lines: Record<string, unknown>[] = [];
  const clock = { nowMs: START_MS };
  const log = createLog({
    write: (line) => lines.push(JSON.parse(line)),
    now: () => clock.nowMs,
    service: 'origin',
  });
  return { lines, clock, log };
}

describe('log', ({ test }) => {
  test('a line holds the minute, level, service, event and fields', () => {
    const { lines, log } = createFixture();
    log('warn', 'relay.lost', { node: 'n1', code: 'unavailable', ms: 3 });
    assert.equal(lines, [
      {
        at: '2026-11-23T07:05',
        level: 'warn',
        service: 'origin',
        event: 'relay.lost',
        node: 'n1',
        code: 'unavailable',
        ms: 3,
      },
    ]);
  });

  test('no line tells a finer time than the minute', () => {
    const { lines, clock, log } = createFixture();
    log('info', 'a');
    clock.nowMs = START_MS + 28_749;
    log('info', 'b');
    assert.equal(
      lines.map(({ at }) => at),
      ['2026-11-23T07:05', '2026-11-23T07:05'],
    );
  });

  test('each line is one line', () => {
    const texts: string[] = [];
    const log = createLog({ write: (line) => texts.push(line), now: () => START_MS, service: 'edge' });
    log('info', 'a', { route: 'x\ny\u2028z' });
    assert.is(texts.length, 1);
    assert.not.match(texts[0] ?? '\n', '\n');
  });

  test('fields that are not on the list are left out, whatever the caller does', () => {
    const { lines, log } = createFixture();
    const fields = {
      node: 'n1',
      ticket: 'eyJ',
      payload: 'c2VhbGVk',
      userId: 'u',
      url: '/v1?x',
      at: 'now',
      level: 'x',
    };
    log('info', 'a', fields as LogFields);
    log('info', 'b', Object.assign(new Error('password=hunter2'), { node: 'n1' }) as LogFields);
    assert.equal(Object.keys(lines[0] ?? {}), ['at', 'level', 'service', 'event', 'node']);
    assert.is(lines[0]?.level, 'info');
    assert.equal(Object.keys(lines[1] ?? {}), ['at', 'level', 'service', 'event', 'node']);
  });

  test('undefined fields are left out, zero and the empty text are not', () => {
    const { lines, log } = createFixture();
    log('info', 'a', { count: 0, version: '' });
    assert.equal(Object.keys(lines[0] ?? {}).slice(4), ['count', 'version']);
  });

  test('at most 20 lines per event and code in 10 s; the next one tells how many were left out', () => {
    const { lines, clock, log } = createFixture();
    for (let i = 0; i < 25; i += 1) log('warn', 'storm', { code: 'unavailable' });
    assert.is(lines.length, 20);
    clock.nowMs = START_MS + 9_999;
    log('warn', 'storm', { code: 'unavailable' });
    assert.is(lines.length, 20);
    clock.nowMs = START_MS + 10_000;
    log('warn', 'storm', { code: 'unavailable' });
    assert.is(lines.length, 21);
    assert.is(lines[20]?.suppressed, 6);
    log('warn', 'storm', { code: 'unavailable' });
    assert.not.ok('suppressed' in (lines[21] ?? {}));
  });

  test('exactly 20 lines leave nothing out', () => {
    const { lines, clock, log } = createFixture();
    for (let i = 0; i < 20; i += 1) log('warn', 'storm');
    clock.nowMs += 10_000;
    log('warn', 'storm');
    assert.is(lines.length, 21);
    assert.not.ok('suppressed' in (lines[20] ?? {}));
  });

  test('a storm of one event or code does not silence another', () => {
    const { lines, log } = createFixture();
    for (let i = 0; i < 50; i += 1) log('warn', 'storm', { code: 'unavailable' });
    log('warn', 'storm', { code: 'internal' });
    log('warn', 'calm', { code: 'unavailable' });
    assert.is(lines.length, 22);
  });
});

describe('errorFields', ({ test }) => {
  test('keeps class and code, never the message', () => {
    const error = Object.assign(new RangeError('password=hunter2'), { code: 'ECONNREFUSED', args: ['SET'] });
    assert.equal(errorFields(error), { error: 'RangeError', code: 'ECONNREFUSED' });
    assert.equal(errorFields(new TypeError('x')), { error: 'TypeError' });
  });

  test('a code that is no text is left out', () => {
    assert.equal(errorFields(Object.assign(new Error('x'), { code: { secret: 1 } })), { error: 'Error' });
  });

  test('of what is no error only its type is told', () => {
    assert.equal(errorFields('password=hunter2'), { error: 'string' });
    assert.equal(errorFields(null), { error: 'object' });
    assert.equal(errorFields(undefined), { error: 'undefined' });
  });
});
