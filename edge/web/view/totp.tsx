import { useSignal } from '@preact/signals';
import { useId } from 'preact/hooks';
import type { Enrolment } from '../../../shared/client/answers.ts';
import { Failure, isFailure } from '../../../shared/failure.ts';
import type { Account } from '../model/account.ts';
import { words } from '../words/words.ts';
import { CopyButton, FailureLine, QrCode, useAction } from './parts.tsx';

interface Props {
  readonly account: Account;
}
/** Where setting up stands: shown to be scanned, then the codes that are shown once. */
type Step =
  | { readonly at: 'idle' }
  | { readonly at: 'scan'; readonly enrolment: Enrolment }
  | { readonly at: 'codes'; readonly codes: readonly string[] };

/** The second factor: setting one up, and removing it. */
export function Totp({ account }: Props) {
  const step = useSignal<Step>({ at: 'idle' });
  const { isBusy, failure, run } = useAction();
  const { hasTotp = false } = account.profile.value;
  const text = words.value;
  const totp = () => {
    const { value: messenger } = account.messenger;
    if (messenger === undefined) throw new Failure('unavailable');
    return messenger.client.account.totp;
  };
  const begin = () =>
    run(async () => {
      step.value = { at: 'scan', enrolment: await account.sensitive(() => totp().enrol()) };
    });
  const remove = () =>
    run(async () => {
      await account.sensitive(() => totp().disable());
      await account.changeProfile({ hasTotp: false });
    });
  const confirmed = async (code: string) => {
    const codes = await totp().confirm(code);
    step.value = { at: 'codes', codes };
    await account.changeProfile({ hasTotp: true });
  };
  const { value: now } = step;
  return (
    <section aria-label={text.security}>
      <h3>{text.security}</h3>
      {now.at === 'idle' && <p>{hasTotp ? text.totpOn : text.totpOff}</p>}
      {now.at === 'idle' && (
        <button type="button" disabled={isBusy} onClick={() => void (hasTotp ? remove() : begin())}>
          {hasTotp ? text.totpRemove : text.totpSetUp}
        </button>
      )}
      {now.at === 'scan' && <Scan enrolment={now.enrolment} onCode={confirmed} />}
      {now.at === 'codes' && (
        <Codes
          codes={now.codes}
          onSaved={() => {
            step.value = { at: 'idle' };
          }}
        />
      )}
      <FailureLine text={failure} />
    </section>
  );
}

function Scan({ enrolment, onCode }: { enrolment: Enrolment; onCode: (code: string) => Promise<void> }) {
  const code = useSignal('');
  const isRefused = useSignal(false);
  const id = useId();
  const { isBusy, failure, run } = useAction();
  const text = words.value;
  const submit = (event: Event) => {
    event.preventDefault();
    isRefused.value = false;
    void run(async () => {
      try {
        await onCode(code.value.replaceAll(/\s/g, ''));
      } catch (error) {
        if (!isFailure(error, 'second_factor_refused')) throw error;
        isRefused.value = true;
      }
    });
  };
  return (
    <form onSubmit={submit}>
      <p>{text.totpScan}</p>
      <QrCode text={enrolment.uri} label={text.totpQr} />
      <p class="hint">
        {text.totpTyped} <code class="secret">{enrolment.secret}</code>
      </p>
      <label for={id}>{text.code}</label>
      <input
        id={id}
        class="code"
        required
        inputMode="numeric"
        autocomplete="one-time-code"
        value={code.value}
        onInput={({ currentTarget }) => {
          code.value = currentTarget.value;
        }}
      />
      <button type="submit" class="primary" disabled={isBusy}>
        {text.confirm}
      </button>
      <FailureLine text={isRefused.value ? text.codeRefused : failure} />
    </form>
  );
}

function Codes({ codes, onSaved }: { codes: readonly string[]; onSaved: () => void }) {
  const text = words.value;
  return (
    <div class="recovery">
      <h4>{text.recoveryTitle}</h4>
      <p>{text.recoveryText}</p>
      <ul>
        {codes.map((code) => (
          <li key={code}>
            <code>{code}</code>
          </li>
        ))}
      </ul>
      <div class="row-actions">
        <CopyButton text={codes.join('\n')} />
        <button type="button" class="primary" onClick={onSaved}>
          {text.recoverySaved}
        </button>
      </div>
    </div>
  );
}
