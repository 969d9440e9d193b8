import { readFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { ConfigurationError } from '../shared/env.ts';
import { LIMITS } from '../shared/limits.ts';
import { describe } from '../shared/testing/suite.ts';
import { readConfig } from './config.ts';
import { LIMIT_TABLE, type LimitName, limitVariable } from './limits.ts';

const NAMES = Object.keys(LIMIT_TABLE) as LimitName[];
const ENV = {
  HUSHWIRE_ORIGIN_NODE: 'n1',
  HUSHWIRE_ORIGIN_RELAY_URL: 'redis://127.0.0.1:1',
  HUSHWIRE_ORIGIN_DATABASE_URL: 'postgres://127.0.0.1/none',
  HUSHWIRE_ORIGIN_EDGE_ISSUER: 'http://127.0.0.1:1',
  HUSHWIRE_ORIGIN_EDGE_KEYS: '{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"k","x":"x"}]}',
};

describe('limits of a node', ({ test }) => {
  test('are those of the protocol by default, and within their own bounds', () => {
    const config = readConfig(ENV);
    for (const name of NAMES) {
      assert.is(config[name], LIMITS[name], name);
      assert.ok(LIMIT_TABLE[name].least <= LIMITS[name] && LIMITS[name] <= LIMIT_TABLE[name].most, name);
    }
  });

  for (const name of NAMES)
    test(`${name} may be set from the least to the hard cap, and no further`, () => {
      const { least, most } = LIMIT_TABLE[name];
      const variable = limitVariable(name);
      // The smallest frame has no room for the largest ciphertext.
      const env = name === 'frameBytes' ? { ...ENV, HUSHWIRE_ORIGIN_LIMIT_DATA_BYTES: '1024' } : ENV;
      for (const value of [least, most])
        assert.is(readConfig({ ...env, [variable]: `${value}` })[name], value);
      for (const value of [least - 1, most + 1])
        assert.match(faultsOf({ ...env, [variable]: `${value}` }).join(), `${variable} is "${value}"`);
    });

  test('that are wrong are told together', () => {
    const wrong = NAMES.map(limitVariable);
    const faults = faultsOf({ ...ENV, ...Object.fromEntries(wrong.map((name) => [name, '-1'])) });
    assert.is(faults.length, wrong.length);
  });

  test('that do not go together are told with what else does not', () => {
    const faults = faultsOf({
      ...ENV,
      HUSHWIRE_ORIGIN_LIMIT_FRAME_BYTES: '65536',
      HUSHWIRE_ORIGIN_TLS_CERT_PATH: '/cert',
    });
    assert.is(faults.length, 2);
    assert.match(faults.join(), /LIMIT_FRAME_BYTES is 65536, but HUSHWIRE_ORIGIN_LIMIT_DATA_BYTES needs/);
  });

  test('stand in the protocol as they are: variable, hard cap, and what is told beyond', () => {
    const rows = limitRows();
    for (const name of NAMES) {
      const { least, most, beyond } = LIMIT_TABLE[name];
      const [value, bounds, , told = ''] = rows.get(name) ?? [];
      assert.is(value, String(LIMITS[name]), name);
      assert.is(bounds, `${least}–${most}`, name);
      if (beyond !== undefined) assert.ok(told.includes(`\`${beyond}\``), `${name}: ${told}`);
    }
    const settable = [...rows].filter(([, [, bounds]]) => bounds !== '–').map(([name]) => name);
    assert.equal(settable.sort(), [...NAMES].sort());
  });
});

function faultsOf(env: Record<string, string>): readonly string[] {
  try {
    readConfig(env);
  } catch (error) {
    if (error instanceof ConfigurationError) return error.faults;
    throw error;
  }
  throw new Error('No fault was found');
}

/** Rows of the table of limits by name: value, bounds, what, beyond. */
function limitRows(): Map<string, string[]> {
  const page = readFileSync(new URL('../shared/protocol.md', import.meta.url), 'utf8');
  const [, behind = ''] = page.split('<!-- limits -->\n');
  const [table = ''] = behind.split('\n\n');
  const cells = table.split('\n').map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
  return new Map(cells.slice(2).map(([name = '', ...rest]) => [name.replaceAll('`', ''), rest]));
}
