import * as assert from 'uvu/assert';
import { describe } from '../../shared/testing/suite.ts';
import { EXAMPLE } from './example.ts';
import { connectionsAtMost, readSettings, SettingsError } from './settings.ts';

const faultsOf = (given: unknown): readonly string[] => {
  try {
    readSettings(given);
    return [];
  } catch (error) {
    if (error instanceof SettingsError) return error.faults;
    throw error;
  }
};

describe('settings', ({ test }) => {
  test('of the example are complete', () => assert.equal(faultsOf(EXAMPLE), []));

  test('tell every fault at once', () => {
    const { account: _, ...rest } = EXAMPLE;
    const faults = faultsOf({ ...rest, region: 'Frankfurt', minInstances: 1, imageId: 'latest', typo: 1 });
    for (const name of ['account', 'region', 'minInstances', 'imageId', 'typo'])
      assert.ok(
        faults.some((fault) => fault.startsWith(`${name}: `)),
        `${name} in ${faults.join('; ')}`,
      );
    assert.is(faults.length, 5);
  });

  const relations: readonly [fault: string, change: object][] = [
    ['minInstances', { minInstances: 13 }],
    ['must differ', { apiHost: EXAMPLE.socketHost }],
    ['another region', { dumps: { ...EXAMPLE.dumps, region: EXAMPLE.region } }],
    ['lie in region', { availabilityZones: ['us-east-1a', 'us-east-1b'] }],
    ['at least two zones', { availabilityZones: ['eu-central-1a'] }],
    ['each zone once', { availabilityZones: ['eu-central-1a', 'eu-central-1a'] }],
    ['database.connections', { database: { ...EXAMPLE.database, connections: 179 } }],
    ['a public key', { edgeKeys: { keys: [{ kty: 'OKP', crv: 'Ed25519', x: 'short', kid: 'a' }] } }],
  ];
  for (const [fault, change] of relations)
    test(`are refused: ${fault}`, () => {
      const faults = faultsOf({ ...EXAMPLE, ...change });
      assert.ok(faults.join().includes(fault), faults.join());
    });

  test('count the connections of the largest group during a refresh', () => {
    assert.is(connectionsAtMost(EXAMPLE), 18 * 2 * 5);
  });

  test('take no private key', () => {
    const [key] = EXAMPLE.edgeKeys.keys;
    assert.is(faultsOf({ ...EXAMPLE, edgeKeys: { keys: [{ ...key, d: 'secret' }] } }).length, 1);
  });
});
