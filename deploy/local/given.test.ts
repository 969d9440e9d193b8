import * as assert from 'uvu/assert';
import { describe } from '../../shared/testing/suite.ts';
import { readGiven } from './given.ts';

describe('given services', ({ test }) => {
  test('an empty environment gives nothing', () => {
    const empty = { webOrigins: [], originEnv: {} };
    assert.equal(readGiven({}), empty);
    assert.equal(readGiven({ REDIS_URL: '', DATABASE_URL: '', UPSTASH_REDIS_REST_URL: '' }), empty);
  });

  test('each service is taken from its variables', () => {
    const given = readGiven({
      HUSHWIRE_RELAY_URL: 'redis://relay',
      REDIS_URL: 'redis://other',
      DATABASE_URL: 'postgres://db',
      UPSTASH_REDIS_REST_URL: 'https://state',
      UPSTASH_REDIS_REST_TOKEN: 'token',
      HUSHWIRE_WEB_ORIGINS: 'http://a.example, http://b.example',
      HUSHWIRE_ORIGIN_DATABASE_PREPARE: 'no',
    });
    assert.equal(given, {
      relayUrl: 'redis://relay',
      databaseUrl: 'postgres://db',
      state: { url: 'https://state', token: 'token' },
      webOrigins: ['http://a.example', 'http://b.example'],
      originEnv: { HUSHWIRE_ORIGIN_DATABASE_PREPARE: 'no' },
    });
  });

  test('half an address and variables that would be ignored are refused by name', () => {
    assert.throws(() => readGiven({ UPSTASH_REDIS_REST_URL: 'https://state' }), /go together/);
    const cluster = { REDIS_URL: 'redis://a,redis://b' };
    assert.throws(() => readGiven(cluster), /Cluster/);
    const state = { UPSTASH_REDIS_REST_URL: 'https://state', UPSTASH_REDIS_REST_TOKEN: 'token' };
    assert.is(readGiven({ ...cluster, ...state }).relayUrl, 'redis://a,redis://b');
    assert.throws(() => readGiven({ HUSHWIRE_EDGE_TAG_KEY: 'x' }), /HUSHWIRE_EDGE_TAG_KEY/);
    assert.throws(() => readGiven({ HUSHWIRE_ORIGIN_NODE: 'x' }), /HUSHWIRE_ORIGIN_NODE/);
  });
});
