import * as assert from 'uvu/assert';
import { createKeys } from '../../deploy/local/keys.ts';
import { randomId, utf8 } from '../../shared/bytes.ts';
import { INTERNAL_PATHS } from '../../shared/internal/calls.ts';
import { describe } from '../../shared/testing/suite.ts';
import {
  type Call,
  hashOf,
  problemOf,
  signerOf,
  startInternalApiOnPostgres,
} from './internal-api-fixture.ts';
import { newChannel } from './records-fixtures.ts';

const registry = { nodes: () => Promise.resolve([]) };

describe('callers of the internal api', ({ test, before, after }) => {
  let api: Awaited<ReturnType<typeof startInternalApiOnPostgres>>;
  before(async () => {
    api = await startInternalApiOnPostgres({ registry });
  });
  after(() => api.close());

  test('no token, no bearer and nonsense are refused', async () => {
    for (const authorization of ['', 'Bearer', 'Bearer x', 'Basic YTpi', 'Bearer a.b.c', 'Bearer  a.b.c d'])
      await api.refused('token_refused', { body: {}, headers: { authorization } });
  });

  test('a token of another edge, of another kind, too old or too new is refused', async () => {
    const stranger = await signerOf((await createKeys()).signingKeys);
    await api.refused('token_refused', { body: {}, signer: stranger });
    const namesake = await signerOf(api.signingKeys, 'https://other.example');
    await api.refused('token_refused', { body: {}, signer: namesake });
    await api.refused('token_refused', { body: {}, signedAtMs: Date.now() - 40_000 });
    await api.refused('token_refused', { body: {}, signedAtMs: Date.now() + 40_000 });
    const access = await api.signer.sign('access', { sub: 'u', device: 'd', sid: 's' }, Date.now());
    await api.refused('token_refused', { body: {}, headers: { authorization: `Bearer ${access}` } });
  });

  test('a token for another method, path or body is refused', async () => {
    const call: Call = { path: INTERNAL_PATHS.channels, body: newChannel() };
    await api.refused('token_refused', { ...call, claims: { method: 'GET' } });
    await api.refused('token_refused', { ...call, claims: { path: INTERNAL_PATHS.members } });
    await api.refused('token_refused', { ...call, claims: { path: `${INTERNAL_PATHS.channels}?` } });
    await api.refused('token_refused', {
      ...call,
      claims: { bodyHash: await hashOf(utf8(JSON.stringify(newChannel()))) },
    });
    await api.refused('token_refused', { ...call, claims: { bodyHash: '' } });
  });

  test('a one-time mark that is none is refused', async () => {
    for (const jti of ['', 'short', 'x'.repeat(65), `${randomId()}'`, `${randomId()} `])
      await api.refused('token_refused', {
        path: INTERNAL_PATHS.channels,
        body: newChannel(),
        claims: { jti },
      });
  });

  test('an unknown route is not found, known or not to the token', async () => {
    for (const path of [
      '/',
      '/internal/v1',
      '/internal/v1/accounts/',
      '/internal/v1/read?x=1',
      '/internal/v2/read',
    ])
      await api.refused('not_found', { path, body: {} });
  });

  test('another method is not allowed, and the right one is named', async () => {
    for (const method of ['GET', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']) {
      const response = await api.send({ method, path: INTERNAL_PATHS.accounts });
      assert.is(response.headers.get('allow'), 'POST');
      await problemOf(response, 'method_not_allowed');
    }
    await api.refused('method_not_allowed', { method: 'POST', path: INTERNAL_PATHS.nodes });
    assert.is((await api.send({ method: 'HEAD', path: INTERNAL_PATHS.nodes })).status, 405);
  });
}, 20_000);
