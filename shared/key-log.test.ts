import * as assert from 'uvu/assert';
import { randomId, toBase64Url } from './bytes.ts';
import { isFailure } from './failure.ts';
import { type Entry, type EntryClaims, readEntry, signEntry, verifyEntry } from './key-log.ts';
import { LIMITS } from './limits.ts';
import { safetyNumber } from './safety-number.ts';
import { rejectsWith } from './testing/expect.ts';
import { describe } from './testing/suite.ts';
import { readVectors } from './testing/vectors.ts';
import { type JWK, thumbprint } from './token.ts';

interface Vectors {
  readonly logs: readonly {
    readonly name: string;
    readonly entries: readonly string[];
    readonly hashes: string[];
  }[];
  readonly refused: readonly { readonly why: string; readonly entries: readonly string[] }[];
  readonly safetyNumbers: readonly {
    readonly a: { userId: string; genesis: string };
    readonly b: { userId: string; genesis: string };
    readonly digits: string;
  }[];
}
const vectors = readVectors<Vectors>('key-logs');

interface TestDevice {
  readonly deviceId: string;
  readonly publicKey: JWK;
  readonly key: CryptoKey;
}

async function newDevice(algorithm: 'ES256' | 'Ed25519' = 'ES256'): Promise<TestDevice> {
  const parameters = algorithm === 'ES256' ? { name: 'ECDSA', namedCurve: 'P-256' } : { name: 'Ed25519' };
  const pair = (await crypto.subtle.generateKey(parameters, true, ['sign', 'verify'])) as CryptoKeyPair;
  const { kty, crv, x, y } = await crypto.subtle.exportKey('jwk', pair.publicKey);
  const publicKey = (y === undefined ? { kty, crv, x } : { kty, crv, x, y }) as JWK;
  return { deviceId: await thumbprint(publicKey), publicKey, key: pair.privateKey };
}

const keysOf = ({ publicKey }: TestDevice, identityKey = 'AAAA') => ({ publicKey, identityKey });

/** All entries in order, each verified against the one before; gives back the last. */
async function follow(texts: readonly string[]): Promise<Entry | undefined> {
  let before: Entry | undefined;
  for (const text of texts) {
    const entry = await readEntry(text);
    await verifyEntry(entry, before);
    before = entry;
  }
  return before;
}

describe('key log', ({ test }) => {
  const sub = randomId();
  const first = (device: TestDevice, change: Partial<EntryClaims> = {}) =>
    signEntry({ sub, sequence: 1, devices: [keysOf(device)], ...change }, device);
  const next = async (before: string, signer: TestDevice, change: Partial<EntryClaims> = {}) => {
    const { hash, sequence, devices } = await readEntry(before);
    const claims = { sub, sequence: sequence + 1, previous: hash, devices: [...devices.values()], ...change };
    return signEntry(claims, signer);
  };

  for (const algorithm of ['ES256', 'Ed25519'] as const)
    test(`grows by devices that an ${algorithm} device adds, which may then add others`, async () => {
      const [phone, laptop] = [await newDevice(algorithm), await newDevice()];
      const one = await first(phone);
      const two = await next(one, phone, { devices: [keysOf(phone), keysOf(laptop)] });
      const three = await next(two, laptop, { devices: [keysOf(laptop, 'BBBB')] });
      const head = await follow([one, two, three]);
      assert.equal([...(head?.devices.keys() ?? [])], [laptop.deviceId]);
      assert.is(head?.devices.get(laptop.deviceId)?.identityKey, 'BBBB');
    });

  test('refuses entries that were dropped, swapped, repeated or forked', async () => {
    const phone = await newDevice();
    const one = await first(phone);
    const two = await next(one, phone);
    const three = await next(two, phone);
    const fork = await next(one, phone, { devices: [keysOf(phone, 'CCCC')] });
    for (const texts of [[two], [one, three], [one, one], [one, three, two], [one, fork, three]])
      await rejectsWith(follow(texts), 'key_log_refused');
    await follow([one, fork]);
  });

  test('refuses an entry by a device that is new, gone, or of another account', async () => {
    const [phone, laptop, stranger] = [await newDevice(), await newDevice(), await newDevice()];
    const both = { devices: [keysOf(phone), keysOf(laptop)] };
    const one = await first(phone);
    const two = await next(one, phone, { devices: [keysOf(laptop)] });
    for (const texts of [
      [one, await next(one, laptop, both)],
      [one, two, await next(two, phone, both)],
      [one, await next(one, phone, { sub: randomId() })],
      [
        await signEntry(
          { sub, sequence: 1, devices: [keysOf(phone)] },
          { ...stranger, deviceId: phone.deviceId },
        ),
      ],
      [await signEntry({ sub, sequence: 1, devices: [keysOf(phone)] }, stranger)],
    ])
      await rejectsWith(follow(texts), 'key_log_refused');
  });

  test('begins anew by its recovery key, without any device from before', async () => {
    const [phone, tablet, paper] = [await newDevice(), await newDevice(), await newDevice('Ed25519')];
    const recoveryKey = paper.publicKey;
    const one = await first(phone, { recoveryKey });
    const two = await next(one, phone, { recoveryKey, devices: [keysOf(phone, 'BBBB')] });
    const anew = await next(two, paper, { devices: [keysOf(tablet)], recoveryKey });
    const head = await follow([
      one,
      two,
      anew,
      await next(anew, tablet, { devices: [keysOf(tablet, 'CCCC')] }),
    ]);
    assert.equal([...(head?.devices.keys() ?? [])], [tablet.deviceId]);
    assert.is(head?.recovery, undefined);
    const kept = { devices: [keysOf(phone), keysOf(tablet)] };
    for (const wrong of [
      await next(two, paper, kept),
      await next(two, { ...tablet, deviceId: paper.deviceId }, { devices: [keysOf(tablet)] }),
    ])
      await rejectsWith(follow([one, two, wrong]), 'key_log_refused');
  });

  test('refuses a recovery key that is not named by the entry before, and one as the first signer', async () => {
    const [phone, tablet, paper] = [await newDevice(), await newDevice(), await newDevice('Ed25519')];
    const recoveryKey = paper.publicKey;
    const one = await first(phone, { recoveryKey });
    const dropped = await next(one, phone);
    const late = await next(dropped, paper, { devices: [keysOf(tablet)] });
    const claims = { sub, sequence: 1, devices: [keysOf(phone)], recoveryKey };
    for (const texts of [[one, dropped, late], [await signEntry(claims, paper)]])
      await rejectsWith(follow(texts), 'key_log_refused');
  });

  test('refuses what is no entry', async () => {
    const phone = await newDevice();
    const good = await first(phone);
    const [head = '', payload = ''] = good.split('.');
    const wrong = [
      '',
      'a.b.c',
      `${head}.${payload}`,
      `${toBase64Url(new TextEncoder().encode('{"typ":"JWT","kid":"x"}'))}.${payload}.AA`,
      'x'.repeat(LIMITS.keyLogEntryChars + 1),
      ...(await Promise.all(
        [
          { sub: 'short' },
          { recoveryKey: phone.publicKey },
          { recoveryKey: { kty: 'oct' } as JWK },
          { sequence: 1.5 },
          { sequence: 0 },
          { sequence: 1_000_001 },
          { previous: 'x' },
          { devices: [] },
          { devices: [keysOf(phone), keysOf(phone)] },
          { devices: Array.from({ length: 7 }, () => keysOf(phone)) },
          { devices: [keysOf(phone, 'A')] },
          { devices: [keysOf(phone, 'A'.repeat(343))] },
          { devices: [{ ...keysOf(phone), publicKey: { kty: 'EC', crv: 'P-256', x: 'x' } as JWK }] },
        ].map((change) => first(phone, change)),
      )),
    ];
    for (const text of wrong) await rejectsWith(readEntry(text), 'key_log_refused');
    await readEntry(await first(phone, { devices: [keysOf(phone, 'A'.repeat(342))] }));
  });

  test('an entry with the most devices and the longest keys is read', async () => {
    const devices = await Promise.all([1, 2, 3, 4, 5, 6].map(() => newDevice()));
    const [phone] = devices as [TestDevice];
    const text = await first(phone, { devices: devices.map((device) => keysOf(device, 'A'.repeat(342))) });
    assert.ok(text.length <= LIMITS.keyLogEntryChars, String(text.length));
    assert.is((await readEntry(text)).devices.size, 6);
  });

  for (const { name, entries, hashes } of vectors.logs)
    test(`follows the vector "${name}"`, async () => {
      await follow(entries);
      assert.equal(await Promise.all(entries.map(async (text) => (await readEntry(text)).hash)), hashes);
    });
  for (const { why, entries } of vectors.refused)
    test(`refuses the vector "${why}"`, async () => {
      const outcome = await follow(entries).catch((error: unknown) => error);
      assert.ok(isFailure(outcome, 'key_log_refused'));
    });
});

describe('safety number', ({ test }) => {
  for (const { a, b, digits } of vectors.safetyNumbers)
    test(`is ${digits.slice(0, 11)}… on both sides`, async () => {
      assert.is(await safetyNumber(a, b), digits);
      assert.is(await safetyNumber(b, a), digits);
    });

  test('has sixty digits, and is another one for another account or log', async () => {
    const [a, b] = [1, 2].map(() => ({ userId: randomId(), genesis: randomId(32) })) as [Identity, Identity];
    const digits = await safetyNumber(a, b);
    assert.match(digits, /^(\d{5} ){11}\d{5}$/);
    for (const other of [
      { ...b, userId: randomId() },
      { ...b, genesis: randomId(32) },
    ])
      assert.is.not(await safetyNumber(a, other), digits);
  });
});

interface Identity {
  readonly userId: string;
  readonly genesis: string;
}
