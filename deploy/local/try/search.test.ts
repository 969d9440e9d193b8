import * as assert from 'uvu/assert';
import { describe } from '../../../shared/testing/suite.ts';
import { percentile } from './report.ts';
import { type Haystack, needlesOf, search } from './search.ts';

const SECRET = Buffer.from('a secret of some length: äöü \u0000?>~');

async function findings(contents: Iterable<Haystack>): Promise<string[]> {
  const result = await search(contents, needlesOf('secret', SECRET));
  return result.findings.map(({ where }) => where);
}

describe('search for secrets', ({ test }) => {
  test('finds every form at every place between other bytes', async () => {
    for (const encoding of ['latin1', 'hex', 'base64', 'base64url'] as const)
      for (const before of [0, 1, 2, 3, 4, 5])
        for (const behind of [0, 1, 2]) {
          const whole = Buffer.concat([Buffer.alloc(before, 7), SECRET, Buffer.alloc(behind, 9)]);
          const bytes = Buffer.from(whole.toString(encoding), encoding === 'latin1' ? 'latin1' : 'utf8');
          assert.equal(
            await findings([{ where: 'here', bytes }]),
            ['here'],
            `${encoding} ${before} ${behind}`,
          );
        }
  });

  test('finds nothing where there is nothing, and counts what it read', async () => {
    const bytes = Buffer.from(SECRET.subarray(0, -1));
    const result = await search([{ where: 'here', bytes }], needlesOf('secret', SECRET));
    assert.equal(result, { findings: [], pieces: 1, totalBytes: bytes.length });
  });

  test('is not crowded out by what it finds often', async () => {
    const other = needlesOf('other', 'something else entirely');
    const places = Array.from({ length: 100 }, () => ({
      where: 'often',
      bytes: Buffer.from('something else entirely'),
    }));
    const { findings: found } = await search(
      [...places, { where: 'once', bytes: SECRET }],
      [...other, ...needlesOf('secret', SECRET)],
    );
    assert.ok(found.some(({ where }) => where === 'once'));
  });

  test('refuses a secret that could turn up by chance', () => {
    assert.throws(() => needlesOf('short', 'abc'));
  });

  test('takes percentiles by nearest rank', () => {
    assert.is(percentile([5, 1, 4, 2, 3], 0.5), 3);
    assert.is(percentile([1, 2, 3], 0.99), 3);
    assert.ok(Number.isNaN(percentile([], 0.5)));
  });
});
