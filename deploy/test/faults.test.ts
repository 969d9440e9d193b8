import * as assert from 'uvu/assert';
import { describe } from '../../shared/testing/suite.ts';
import { isFound, runShortly } from '../local/faults/planted.ts';
import { PLANTS } from '../local/faults/plants.ts';

describe('npm run faults', ({ test }) => {
  test('finds every promise kept, on one Redis and on a Cluster that fails over', async () => {
    const outcomes = await Promise.all(
      (['mixed', 'failover'] as const).map((schedule) => runShortly({ seed: 1, schedule })),
    );
    for (const { isWell, verdict } of outcomes) assert.ok(isWell, JSON.stringify(verdict));
  });

  for (const plant of PLANTS.filter(({ isQuick }) => isQuick))
    test(`finds what is planted: ${plant.name}`, async () => {
      assert.ok(await isFound(plant));
    });
}, 90_000);
