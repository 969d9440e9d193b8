import * as assert from 'uvu/assert';
import { describe } from '../../shared/testing/suite.ts';
import { FORMS, formsOf, write } from '../local/canary/forms.ts';
import { fineTimes } from '../local/canary/times.ts';
import { scan } from '../local/canary.ts';
import { search } from '../local/try/search.ts';

describe('npm run canary', ({ test }) => {
  test('nothing is left anywhere, and every planted leak is caught', async () => {
    const { canaries, places, findings, planted, missed } = await scan(() => undefined);
    assert.equal(findings, []);
    assert.equal(missed, []);
    assert.ok(canaries > 150, `${canaries} canaries`);
    assert.ok(places >= 6, `${places} places`);
    assert.is(planted, places * FORMS.length);
  });

  test('finds every form in the midst of other bytes', async () => {
    const secret = Buffer.from('an id that is secret');
    const needles = formsOf('it', secret);
    for (const form of FORMS) {
      const bytes = Buffer.concat([Buffer.from('{"a":"'), write(form, secret), Buffer.from('"}')]);
      const { findings } = await search([{ where: 'here', bytes }], needles);
      assert.ok(
        findings.some((finding) => finding.form === form),
        form,
      );
    }
    const other = formsOf('it', Buffer.from('another id, as secret'));
    for (const form of FORMS)
      assert.equal((await search([{ where: 'here', bytes: write(form, secret) }], other)).findings, []);
  });

  test('takes hours and days for what they are, and everything finer for a leak', async () => {
    const nowMs = Date.parse('2026-11-23T12:34:56Z');
    const at = async function* (where: string, text: string) {
      yield { where, bytes: Buffer.from(text) };
    };
    const isFine = async (text: string, where = 'Postgres hushwire.accounts') =>
      (await fineTimes(at(where, text), nowMs)).length > 0;
    for (const text of [
      '1795438800',
      '1795438800000',
      '(tag,2026-11-23)',
      '2026-11-23 13:00:00',
      '17954388001',
    ])
      assert.not(await isFine(text), text);
    for (const text of ['1795438801', '1795438800001', '(tag,"2026-11-23 12:34:00")', '2026-11-23T12:34'])
      assert.ok(await isFine(text), text);
    assert.not(await isFine('2026-11-23 12:34:00', 'Postgres hushwire.calls'));
    assert.ok(await isFine('2026-11-23 12:34:01', 'Postgres hushwire.calls'));
  });
}, 60_000);
