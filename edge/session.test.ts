import * as assert from 'uvu/assert';
import { randomId } from '../shared/bytes.ts';
import { throwsWith } from '../shared/testing/expect.ts';
import { describe } from '../shared/testing/suite.ts';
import { DAY_MS } from './days.ts';
import type { SessionRecord } from './records.ts';
import { lastDayOf, remainingMs, requireSession } from './session.ts';

describe('Session life', ({ test }) => {
  test('ends 30 days after the last renewal', () => {
    const found = { record: session('2026-01-01', '2026-01-10') };
    assert.is(lastDayOf(found.record), '2026-02-09');
    assert.is(requireSession(found, Date.parse('2026-02-09T23:59:59Z')), found);
    throwsWith(() => requireSession(found, Date.parse('2026-02-10T00:00:00Z')), 'session_ended');
  });

  test('ends 90 days after it was opened, however often it was renewed', () => {
    const found = { record: session('2026-01-01', '2026-03-31') };
    assert.is(lastDayOf(found.record), '2026-04-01');
    throwsWith(() => requireSession(found, Date.parse('2026-04-02T00:00:00Z')), 'session_ended');
  });

  test('is over for a session that is not there', () => {
    throwsWith(() => requireSession(undefined, 0), 'session_ended');
  });

  test('lasts until the end of its last day', () => {
    assert.is(
      remainingMs(session('2026-01-01', '2026-01-01'), Date.parse('2026-01-31T18:00:00Z')),
      DAY_MS / 4,
    );
  });
});

function session(createdOn: string, renewedOn: string): SessionRecord {
  return { userId: randomId(), deviceId: randomId(32), sessionId: randomId(), createdOn, renewedOn };
}
