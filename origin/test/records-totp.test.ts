import postgres from 'postgres';
import * as assert from 'uvu/assert';
import { randomId } from '../../shared/bytes.ts';
import type {
  Attempt,
  NewAccount,
  NewSession,
  Proof,
  SessionWritten,
} from '../../shared/internal/accounts.ts';
import { LOCKOUT } from '../../shared/lockout.ts';
import { describe } from '../../shared/testing/suite.ts';
import type { PostgresRecords } from '../adapters/postgres-records.ts';
import { newAccount, newMark, newSealed, newSession, openWay, WAYS } from './records-fixtures.ts';

const WRONG: Proof = { kind: 'wrong' };
const step = (): Proof => ({ kind: 'step', mark: randomId(), earlier: randomId() });
const { failuresPerLock, failuresMax } = LOCKOUT;

for (const way of WAYS)
  describe(`totp records, ${way}`, ({ test, before, beforeEach, after, needs }) => {
    if (way !== 'straight') needs('pgbouncer');
    let opened: Awaited<ReturnType<typeof openWay>>;
    let records: PostgresRecords;
    let raw: postgres.Sql;
    let account: NewAccount;
    let totp: string;
    let codes: string[];
    before(async () => {
      opened = await openWay(way);
      ({ records } = opened);
      raw = postgres(opened.url, { max: 1, onnotice: () => undefined });
    });
    beforeEach(async () => {
      account = newAccount();
      totp = newSealed();
      codes = [randomId(), randomId()];
      await records.createAccount(account, newMark());
      await records.changeTotp(change(totp, 1), newMark());
    });
    after(async () => {
      await raw.end();
      await opened.close();
    });

    const change = (sealed: string, version: number, used: string[] = []) => ({
      account: account.account,
      sealed,
      version,
      codes,
      used,
    });
    const signIn = (attempt?: Attempt, { version = 1, ...session }: Partial<NewSession & Version> = {}) => {
      const factor = { version, ...(attempt === undefined ? {} : { attempt }) };
      return records.createSession({ ...newSession(account), ...session, factor }, newMark());
    };
    const failures = async () => {
      const [row] = await raw<{ failures: number }[]>`
        select failures from hushwire.devices where device = ${account.device.device}`;
      return row?.failures;
    };
    const sessions = async () => {
      const [row] = await raw<{ n: number }[]>`
        select count(*)::integer as n from hushwire.sessions where device = ${account.device.device}`;
      return row?.n;
    };
    const results = (answers: readonly SessionWritten[], result: SessionWritten['result']) =>
      answers.filter((answer) => answer.result === result).length;

    test('a record is read back, and only when it was asked for', async () => {
      const asked = await records.read({ totp: [account.account, randomId()] });
      assert.equal(asked.totp, { [account.account]: { sealed: totp, version: 1 } });
      assert.equal(await records.read({}), { devices: {}, sessions: {}, members: {} });
    });

    test('a record changes from one version to the next, and a repeat changes nothing', async () => {
      const [next, other] = [newSealed(), newSealed()];
      assert.equal(await records.changeTotp(change(next, 2), newMark()), { result: 'created' });
      assert.equal(await records.changeTotp(change(next, 2), newMark()), { result: 'exists' });
      const stale = { result: 'stale', totp: { sealed: next, version: 2 } };
      for (const version of [1, 2, 4])
        assert.equal(await records.changeTotp(change(other, version), newMark()), stale, String(version));
      const nobody = { ...change(other, 1), account: randomId(), codes: [] };
      assert.equal(await records.changeTotp(nobody, newMark()), { result: 'missing' });
    });

    test('a first record has version 1', async () => {
      const fresh = newAccount();
      await records.createAccount(fresh, newMark());
      const skipped = { ...change(newSealed(), 2), account: fresh.account, codes: [] };
      assert.equal(await records.changeTotp(skipped, newMark()), { result: 'stale', totp: null });
    });

    test('one of many simultaneous changes wins', async () => {
      const answers = await Promise.all(
        Array.from({ length: 10 }, () => records.changeTotp(change(newSealed(), 2), newMark())),
      );
      assert.is(answers.filter(({ result }) => result === 'created').length, 1);
      assert.is(answers.filter(({ result }) => result === 'stale').length, 9);
    });

    test('a change replaces all recovery codes', async () => {
      const [kept = '', gone = ''] = codes;
      codes = [kept, randomId()];
      await records.changeTotp(change(newSealed(), 2), newMark());
      const rows = await raw<{ code: string }[]>`
        select code from hushwire.recovery_codes where account = ${account.account}`;
      assert.equal(rows.map(({ code }) => code).sort(), [...codes].sort());
      assert.not.ok(codes.includes(gone));
    });

    test('a session that does not know of the record is not opened, and is shown it', async () => {
      for (const version of [0, 2])
        assert.equal(await signIn(undefined, { version }), {
          result: 'stale',
          totp: { sealed: totp, version: 1 },
        });
      assert.equal(await records.createSession(newSession(account), newMark()), {
        result: 'stale',
        totp: { sealed: totp, version: 1 },
      });
      assert.is(await sessions(), 0);
      assert.equal(await signIn(), { result: 'created' });
    });

    test('an attempt that was judged by another record does nothing', async () => {
      for (const proof of [WRONG, step(), { kind: 'recovery', code: codes[0] ?? '' } as const])
        assert.equal(await signIn({ seen: 0, proof }, { version: 2 }), {
          result: 'stale',
          totp: { sealed: totp, version: 1 },
        });
      assert.is(await failures(), 0);
      assert.equal(await signIn({ seen: 0, proof: { kind: 'recovery', code: codes[0] ?? '' } }), {
        result: 'created',
      });
    });

    test('one of fifty simultaneous uses of a step opens a session', async () => {
      const proof = step();
      const answers = await Promise.all(Array.from({ length: 50 }, () => signIn({ seen: 0, proof })));
      assert.is(results(answers, 'created'), 1);
      assert.is(results(answers, 'refused'), 49);
      assert.is(await sessions(), 1);
      assert.is(await failures(), 0);
    });

    test('a step cannot be used after a later one, or after a change that used it up', async () => {
      const [mark, earlier, used] = [randomId(), randomId(), randomId()];
      await signIn({ seen: 0, proof: { kind: 'step', mark, earlier } });
      await records.changeTotp(change(newSealed(), 2, [used]), newMark());
      for (const late of [earlier, used])
        assert.equal(
          await signIn({ seen: 0, proof: { kind: 'step', mark: late, earlier: randomId() } }, { version: 2 }),
          { result: 'refused', failures: 0 },
        );
    });

    test('a recovery code opens one of many simultaneous sessions', async () => {
      const proof: Proof = { kind: 'recovery', code: codes[0] ?? '' };
      const answers = await Promise.all(
        Array.from({ length: failuresPerLock }, () => signIn({ seen: 0, proof })),
      );
      assert.is(results(answers, 'created'), 1);
      assert.is(results(answers, 'refused'), failuresPerLock - 1);
      assert.is(await sessions(), 1);
    });

    test("another account's recovery code counts as a failure", async () => {
      const other = newAccount();
      const code = randomId();
      await records.createAccount(other, newMark());
      await records.changeTotp({ ...change(totp, 1), account: other.account, codes: [code] }, newMark());
      const attempt: Attempt = { seen: 0, proof: { kind: 'recovery', code } };
      assert.equal(await signIn(attempt), { result: 'refused', failures: 1 });
      const left = await raw`select from hushwire.recovery_codes where code = ${code}`;
      assert.is(left.length, 1);
    });

    test('of many simultaneous guesses no more are judged than a lock allows', async () => {
      const answers = await Promise.all([
        ...Array.from({ length: 40 }, () => signIn({ seen: 0, proof: WRONG })),
      ]);
      assert.is(results(answers, 'refused'), 40);
      assert.is(await failures(), failuresPerLock);
      assert.equal(await signIn({ seen: 0, proof: step() }), {
        result: 'refused',
        failures: failuresPerLock,
      });
      assert.equal(await signIn({ seen: failuresPerLock, proof: WRONG }), {
        result: 'refused',
        failures: failuresPerLock + 1,
      });
    });

    test('a recovery code is not spent while the device is locked', async () => {
      await setFailures(failuresPerLock);
      const proof: Proof = { kind: 'recovery', code: codes[0] ?? '' };
      assert.is((await signIn({ seen: 0, proof })).result, 'refused');
      assert.is((await signIn({ seen: failuresPerLock, proof })).result, 'created');
    });

    test('a success begins the count anew', async () => {
      await setFailures(3);
      assert.equal(await signIn({ seen: 0, proof: step() }), { result: 'created' });
      assert.is(await failures(), 0);
    });

    test('nothing passes any more after the last failure', async () => {
      await setFailures(failuresMax - 1);
      const seen = failuresMax;
      assert.equal(await signIn({ seen, proof: WRONG }), { result: 'refused', failures: failuresMax });
      for (const proof of [step(), WRONG, { kind: 'recovery', code: codes[0] ?? '' } as const])
        assert.equal(await signIn({ seen, proof }), { result: 'refused', failures: failuresMax });
      assert.is(await sessions(), 0);
    });

    test('another device of nobody knows nothing and counts nothing', async () => {
      for (const wrong of [{ device: randomId() }, { account: randomId() }])
        assert.equal(await signIn({ seen: 0, proof: WRONG }, wrong), { result: 'missing' });
      assert.is(await failures(), 0);
    });

    test('a sign-in whose answer was lost may be asked again', async () => {
      const session = newSession(account);
      const attempt: Attempt = { seen: 0, proof: step() };
      assert.equal(await signIn(attempt, session), { result: 'created' });
      assert.equal(await signIn(attempt, session), { result: 'exists' });
      const recovery: Attempt = { seen: 0, proof: { kind: 'recovery', code: codes[0] ?? '' } };
      assert.equal(await signIn(recovery, session), { result: 'exists' });
      assert.is(await failures(), 0);
    });

    test('an attempt without a session passes, is refused and counts alike', async () => {
      const { device } = account.device;
      const attempt = (proof: Proof) =>
        records.attempt(
          { account: account.account, device, version: 1, attempt: { seen: 0, proof } },
          newMark(),
        );
      assert.equal(await attempt(WRONG), { result: 'refused', failures: 1 });
      assert.equal(await attempt(step()), { result: 'passed' });
      assert.equal(await attempt({ kind: 'recovery', code: codes[0] ?? '' }), { result: 'passed' });
      assert.is(await failures(), 0);
      assert.is(await sessions(), 0);
    });

    test('stores no time of an attempt but the minutes of its marks', async () => {
      const proof = step();
      await signIn({ seen: 0, proof });
      const rows = await raw<{ expires_at: Date }[]>`
        select expires_at from hushwire.calls where jti = ${proof.kind === 'step' ? proof.mark : ''}`;
      assert.is(rows.length, 1);
      assert.is((rows[0]?.expires_at.getTime() ?? 1) % 60_000, 0);
    });

    async function setFailures(count: number): Promise<void> {
      await raw`update hushwire.devices set failures = ${count} where device = ${account.device.device}`;
    }
  });

interface Version {
  readonly version: number;
}
