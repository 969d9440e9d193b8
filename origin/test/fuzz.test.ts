import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import * as assert from 'uvu/assert';
import { describe } from '../../shared/testing/suite.ts';
import type { ConnectionEvents } from '../ports.ts';
import { fuzz, isWell } from './fuzz/fuzz.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
/** Enough to meet every kind of frame many times; `npm run fuzz` draws a million. */
const FRAMES = 40_000;
const SEED = 20_261;

describe('drawn frames', ({ test }) => {
  test('are each answered once by the protocol, or end their connection; nothing throws, nothing stays', async () => {
    const result = await fuzz({ frames: FRAMES, seed: SEED, collect });
    assert.equal([result.wrong, result.crashes, result.left], [[], [], 0]);
    assert.ok(isWell(result), `grew by ${result.heapGrowthMiB} MiB`);
    assert.ok(result.answered > FRAMES / 4 && result.closed > 1_000);
    for (const met of ['ok', 'pong', 'conflict', 'bad_frame', 'grant_required', 'close bad_frame'])
      assert.ok((result.answers[met] ?? 0) > 0, met);
  });

  const spoil = (receive: (text: string | undefined, pass: () => void) => void) => {
    const between = (events: ConnectionEvents): ConnectionEvents => ({
      start: (ticket) => events.start(ticket),
      receive: (text, bytes) => receive(text, () => events.receive(text, bytes)),
      ended: (isSlow) => events.ended(isSlow),
    });
    return fuzz({ frames: 3_000, seed: SEED, collect, between });
  };

  test('would show a parser that throws', async () => {
    const { crashes } = await spoil((text, pass) => {
      if (text?.includes('\u0000')) throw new Error('planted');
      pass();
    });
    assert.match(crashes[0] ?? '', 'planted');
  });

  test('would show a command that is not answered', async () => {
    const { wrong } = await spoil((text, pass) => {
      if (text?.includes('"attach"') !== true) pass();
    });
    assert.match(wrong[0] ?? '', 'unanswered');
  });

  test('would show what stays of them', async () => {
    const heap: unknown[] = [];
    const grown = await spoil((text, pass) => {
      heap.push(Array.from({ length: 1_000 }, () => ({ text })));
      pass();
    });
    assert.not(isWell(grown), `${grown.heapGrowthMiB} MiB`);
    assert.ok(heap.length > 0);
  });
}, 60_000);
