import * as assert from 'uvu/assert';
import { randomId } from '../shared/bytes.ts';
import { ConfigurationError } from '../shared/env.ts';
import { describe } from '../shared/testing/suite.ts';
import { readConfig } from './config.ts';
import { signingKey, testEnv } from './test/harness.ts';

describe('readConfig', ({ test }) => {
  test('reads a complete environment, with defaults', async () => {
    const config = readConfig(await testEnv());
    assert.is(config.host, '127.0.0.1');
    assert.is(config.port, 8787);
    assert.equal(config.webOrigins, []);
    assert.equal(config.originApi, ['http://127.0.0.1:2']);
  });

  test('wants an issuer where the policy is oidc, and only there', async () => {
    const env = await testEnv();
    const names = ['HUSHWIRE_EDGE_OIDC_ISSUER', 'HUSHWIRE_EDGE_OIDC_CLIENT_ID'] as const;
    const read = (signUp: string, issuer?: string, client?: string) =>
      readConfig({ ...env, HUSHWIRE_EDGE_SIGN_UP: signUp, [names[0]]: issuer, [names[1]]: client });
    assert.is(read('oidc', 'https://id.example/realm', 'app').oidcIssuer, 'https://id.example/realm');
    for (const issuer of [
      'http://id.example',
      'https://id.example/?a=1',
      'id.example',
      'https://id.example/#a',
    ])
      assert.throws(() => read('oidc', issuer, 'app'), /HUSHWIRE_EDGE_OIDC_ISSUER/);
    assert.throws(
      () => read('oidc'),
      (error: Error) => names.every((name) => error.message.includes(name)),
    );
    assert.throws(() => read('open', 'https://id.example', 'app'), /HUSHWIRE_EDGE_OIDC_ISSUER is set/);
  });

  test('tells every missing variable at once', () => {
    const names = faultsOf({}).map((fault) => fault.split(' ')[0]?.replace('HUSHWIRE_EDGE_', ''));
    const required = [
      'PUBLIC_URL',
      'SIGNING_KEYS',
      'TAG_KEY',
      'SEAL_KEYS',
      'STATE_URL',
      'STATE_TOKEN',
      'ORIGIN_API',
    ];
    assert.equal(names.sort(), required.sort());
  });

  test('refuses what it does not know', async () => {
    assert.is(faultsOf({ ...(await testEnv()), HUSHWIRE_EDGE_PROT: '1' }).length, 1);
  });

  test('never shows a secret, neither in a fault nor when the configuration is printed', async () => {
    const tagKey = `1:${randomId(31)}`;
    const faults = faultsOf({
      ...(await testEnv()),
      HUSHWIRE_EDGE_TAG_KEY: tagKey,
      HUSHWIRE_EDGE_SEAL_KEYS: 'x:y',
    });
    assert.is(faults.length, 2);
    assert.not.match(faults.join(), tagKey.slice(2));
    const env = await testEnv();
    const printed = JSON.stringify(readConfig(env));
    for (const name of ['TAG_KEY', 'SEAL_KEYS', 'STATE_TOKEN'])
      assert.not.match(printed, env[`HUSHWIRE_EDGE_${name}`]?.replace(/^1:/, '') ?? 'unset');
    assert.not.match(printed, '"d"');
  });

  const bad: readonly [string, string, string][] = [
    ['a public URL with a path', 'PUBLIC_URL', 'https://edge.example/path'],
    ['a public URL of another scheme', 'PUBLIC_URL', 'ftp://edge.example'],
    ['an internal API of another scheme', 'ORIGIN_API', 'redis://127.0.0.1'],
    ['an internal API with a query', 'ORIGIN_API', 'http://127.0.0.1/?a=b'],
    ['an empty list of internal APIs', 'ORIGIN_API', ' , '],
    ['a web origin with a path', 'WEB_ORIGINS', 'https://chat.example/'],
    ['a wildcard for web origins', 'WEB_ORIGINS', '*'],
    ['a sign-up policy it does not know', 'SIGN_UP', 'closed'],
    ['an operator who is no device id', 'OPERATORS', randomId()],
    ['a key without a version', 'TAG_KEY', randomId(32)],
    ['a key of version 0', 'SEAL_KEYS', `0:${randomId(32)}`],
    ['a key of 31 bytes', 'SEAL_KEYS', `1:${randomId(31)}`],
    ['an empty key set', 'SIGNING_KEYS', '{"keys":[]}'],
    ['a key set that is no JSON', 'SIGNING_KEYS', '{'],
    ['a port over 65535', 'PORT', '65536'],
  ];
  for (const [what, name, value] of bad)
    test(`refuses ${what}`, async () => {
      assert.is(faultsOf({ ...(await testEnv()), [`HUSHWIRE_EDGE_${name}`]: value }).length, 1);
    });

  test('takes a ring of sealing keys, but no version twice', async () => {
    const env = await testEnv();
    const config = readConfig({ ...env, HUSHWIRE_EDGE_SEAL_KEYS: `2:${randomId(32)},1:${randomId(32)}` });
    assert.equal(
      config.sealKeys.map((key) => key.version),
      [2, 1],
    );
    assert.is(faultsOf({ ...env, HUSHWIRE_EDGE_SEAL_KEYS: `1:${randomId(32)},1:${randomId(32)}` }).length, 1);
  });

  test('refuses public and foreign signing keys', async () => {
    const { d: _private, ...publicKey } = await signingKey('k1');
    const good = await signingKey('k2');
    for (const keys of [[publicKey], [{ ...good, crv: 'X25519' }], [{ ...good, kid: '' }], [good, good]])
      assert.is(
        faultsOf({ ...(await testEnv()), HUSHWIRE_EDGE_SIGNING_KEYS: JSON.stringify({ keys }) }).length,
        1,
      );
  });
});

function faultsOf(env: Readonly<Record<string, string | undefined>>): readonly string[] {
  try {
    readConfig(env);
  } catch (error) {
    if (error instanceof ConfigurationError) return error.faults;
    throw error;
  }
  return [];
}
