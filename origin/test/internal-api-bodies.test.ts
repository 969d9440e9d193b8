import * as assert from 'uvu/assert';
import { randomId } from '../../shared/bytes.ts';
import { INTERNAL_BODY_BYTES, INTERNAL_PATHS } from '../../shared/internal/calls.ts';
import { READ_MAX_TAGS, SEALED_MAX_CHARS } from '../../shared/internal/records.ts';
import { describe } from '../../shared/testing/suite.ts';
import { startInternalApiOnPostgres } from './internal-api-fixture.ts';
import { newAccount, newChannel, newMember, newSession } from './records-fixtures.ts';

const registry = { nodes: () => Promise.resolve([]) };

describe('bodies of the internal api', ({ test, before, after }) => {
  let api: Awaited<ReturnType<typeof startInternalApiOnPostgres>>;
  before(async () => {
    api = await startInternalApiOnPostgres({ registry });
  });
  after(() => api.close());

  test('a body over the limit is too large, one at it is read', async () => {
    const atLimit = `{}${' '.repeat(INTERNAL_BODY_BYTES - 2)}`;
    await api.answer({ body: atLimit });
    await api.refused('payload_too_large', { body: `${atLimit} ` });
    await api.refused('payload_too_large', { body: 'x'.repeat(INTERNAL_BODY_BYTES * 20) });
  });

  test('another media type is unsupported, a parameter is no other type', async () => {
    for (const type of ['text/plain', 'application/jsonp', 'application/x-www-form-urlencoded', ''])
      await api.refused('unsupported_media_type', { body: '{}', headers: { 'content-type': type } });
    await api.answer({ body: '{}', headers: { 'content-type': 'application/JSON; charset=utf-8' } });
  });

  test('broken JSON, other values than objects, and depths are malformed', async () => {
    const bodies = [
      '',
      '{',
      '{"devices":[',
      'null',
      '[]',
      '"x"',
      '1',
      '{}{}',
      '['.repeat(60_000),
      '\u{feff}{}',
    ];
    for (const body of bodies) await api.refused('bad_request', { body });
  });

  test('bytes that are no UTF-8 are malformed', async () => {
    const body = new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]);
    await api.refused('bad_request', { body });
  });

  test('every field is checked: missing, unknown, of another type or shape', async () => {
    const [account, channel] = [newAccount(), newChannel()];
    const [session, member] = [newSession(account), newMember(channel)];
    const tag = randomId();
    const valid: readonly (readonly [string, Record<string, unknown>])[] = [
      [INTERNAL_PATHS.accounts, { ...account }],
      [INTERNAL_PATHS.sessions, { ...session }],
      [INTERNAL_PATHS.channels, { ...channel }],
      [INTERNAL_PATHS.members, { ...member }],
      [INTERNAL_PATHS.devices, { account: tag, approver: tag, device: tag, sealed: account.sealed }],
      [INTERNAL_PATHS.revocations, { account: tag, by: tag, what: 'session', session: tag }],
      [INTERNAL_PATHS.revocations, { account: tag, by: tag, what: 'device', device: tag }],
      [INTERNAL_PATHS.revocations, { account: tag, by: tag, what: 'device-sessions', device: tag }],
      [INTERNAL_PATHS.revocations, { account: tag, by: tag, what: 'account' }],
      [INTERNAL_PATHS.belongings, { account: tag }],
      [
        INTERNAL_PATHS.keyLog,
        { account: tag, by: tag, sequence: 1, link: tag, devices: [tag], sealed: account.sealed },
      ],
      [INTERNAL_PATHS.keyLogPages, { account: tag, after: 0 }],
      [
        INTERNAL_PATHS.keyPackages,
        { account: tag, device: tag, by: tag, version: 1, list: tag, packages: [], isReplacing: false },
      ],
      [INTERNAL_PATHS.keyStocks, { device: tag }],
      [
        INTERNAL_PATHS.recoveries,
        {
          account: tag,
          device: { ...account.device },
          sequence: 2,
          link: tag,
          previous: tag,
          sealed: account.sealed,
        },
      ],
      [INTERNAL_PATHS.channelListReads, { account: tag }],
      [INTERNAL_PATHS.keyClaims, { lists: [tag], most: 1 }],
    ];
    for (const [path, body] of valid) {
      await api.refused('bad_request', { path, body: { ...body, unknown: 1 } });
      await api.refused('bad_request', { path, body: `{"__proto__":1,${JSON.stringify(body).slice(1)}` });
      await api.refused('bad_request', { path, body: [body] });
      for (const name of Object.keys(body)) {
        const { [name]: _left, ...rest } = body;
        await api.refused('bad_request', { path, body: rest });
        for (const wrong of [null, 1.5, '', [1], {}, `${randomId()}A`, 'alice@example.com'])
          await api.refused('bad_request', { path, body: { ...rest, [name]: wrong } });
      }
    }
    const extra = { ...account.device, x: 1 };
    await api.refused('bad_request', { path: INTERNAL_PATHS.accounts, body: { ...account, device: extra } });
  });

  test('a second factor is checked: versions, counts, lists and proofs', async () => {
    const [account, device, mark] = [randomId(), randomId(), randomId()];
    const change = { account, sealed: '1.abc', version: 1, codes: [], used: [] };
    const asked = { account, device, version: 1, attempt: { seen: 0, proof: { kind: 'wrong' } } };
    for (const wrong of [
      { version: 0 },
      { version: 1.5 },
      { version: 2 ** 31 },
      { codes: [mark, 'x'] },
      { used: Array.from({ length: 17 }, () => mark) },
      { sealed: 'plain' },
      { more: 1 },
    ])
      await api.refused('bad_request', { path: INTERNAL_PATHS.totp, body: { ...change, ...wrong } });
    for (const attempt of [
      { seen: -1, proof: { kind: 'wrong' } },
      { seen: 0, proof: { kind: 'wrong', code: mark } },
      { seen: 0, proof: { kind: 'step', mark } },
      { seen: 0, proof: { kind: 'recovery', code: `${mark}A` } },
      { seen: 0, proof: { kind: 'none' } },
      { seen: 0 },
    ]) {
      await api.refused('bad_request', { path: INTERNAL_PATHS.attempts, body: { ...asked, attempt } });
      const session = { ...newSession(newAccount()), factor: { version: 1, attempt } };
      await api.refused('bad_request', { path: INTERNAL_PATHS.sessions, body: session });
    }
    assert.equal(await api.answer({ path: INTERNAL_PATHS.totp, body: change }), { result: 'missing' });
    assert.equal(await api.answer({ path: INTERNAL_PATHS.attempts, body: asked }), { result: 'missing' });
  });

  test('days must be in the calendar', async () => {
    const refuse = (createdOn: string) =>
      api.refused('bad_request', { path: INTERNAL_PATHS.channels, body: { ...newChannel(), createdOn } });
    for (const day of [
      '2026-02-29',
      '2026-13-01',
      '2026-00-10',
      '2026-1-1',
      '1999-12-31',
      '2026-11-23T10:00:00Z',
    ])
      await refuse(day);
    const leap = { ...newChannel(), createdOn: '2028-02-29' };
    assert.equal(await api.answer({ path: INTERNAL_PATHS.channels, body: leap }), { result: 'created' });
  });

  test('sealed records are bounded, and nothing else than sealed', async () => {
    const withSealed = (sealed: string) => ({
      path: INTERNAL_PATHS.channels,
      body: { ...newChannel(), sealed },
    });
    assert.equal(await api.answer(withSealed(`1.${'x'.repeat(SEALED_MAX_CHARS - 2)}`)), {
      result: 'created',
    });
    for (const sealed of [
      `1.${'x'.repeat(SEALED_MAX_CHARS - 1)}`,
      '1.',
      '.x',
      'x.x',
      '1.a b',
      '1.a=',
      '1.a\n',
    ])
      await api.refused('bad_request', withSealed(sealed));
  });

  test('a read takes its most tags over all lists, and not one more', async () => {
    const tags = (n: number) => Array.from({ length: n }, () => randomId());
    await api.answer({ body: { devices: tags(READ_MAX_TAGS) } });
    await api.answer({ body: { devices: tags(READ_MAX_TAGS - 2), sessions: tags(1), members: tags(1) } });
    await api.refused('bad_request', { body: { devices: tags(READ_MAX_TAGS + 1) } });
    await api.refused('bad_request', {
      body: { devices: tags(READ_MAX_TAGS - 1), sessions: tags(1), members: tags(1) },
    });
    for (const devices of [[1], ['x'], [`${randomId()},${randomId()}`], 'x', {}])
      await api.refused('bad_request', { body: { devices } });
  });

  test('problems name fields of ours only', async () => {
    const { detail } = await api.refused('bad_request', { body: { 'alice@example.com': 1 } });
    assert.not.match(detail ?? '', 'alice');
    const wrong = await api.refused('bad_request', {
      path: INTERNAL_PATHS.members,
      body: { channel: 'alice' },
    });
    assert.is(wrong.detail, 'channel is missing or malformed');
  });
}, 20_000);
