/** What there is to see before there is an account here, and after it was left. */
import { useSignal } from '@preact/signals';
import { useId } from 'preact/hooks';
import type { Account, Phase } from '../model/account.ts';
import { NAME_MAX } from '../model/content.ts';
import { failureText, words } from '../words/words.ts';
import { LanguageChoice } from './language.tsx';
import { LinkThisDevice } from './link-device.tsx';
import { Brand, FailureLine, useAction } from './parts.tsx';

interface Props {
  readonly account: Account;
}

export function Welcome({ account, failure }: Props & { failure: string | undefined }) {
  const name = useSignal('');
  const isShown = useSignal(true);
  const isLinking = useSignal(false);
  const nameId = useId();
  const { isBusy, run } = useAction();
  const text = words.value;
  const submit = (event: Event) => {
    event.preventDefault();
    void run(() =>
      account.signUp({ ...account.profile.value, name: name.value.trim(), isShown: isShown.value }),
    );
  };
  return (
    <Gate title={text.welcomeTitle}>
      <p>{text.welcomeText}</p>
      <form onSubmit={submit}>
        <label for={nameId}>{text.yourName}</label>
        <input
          id={nameId}
          value={name.value}
          maxLength={NAME_MAX}
          autocomplete="nickname"
          required
          aria-describedby={`${nameId}-hint`}
          onInput={({ currentTarget }) => {
            name.value = currentTarget.value;
          }}
        />
        <small id={`${nameId}-hint`}>{text.yourNameHint}</small>
        <label class="check">
          <input
            type="checkbox"
            checked={isShown.value}
            onChange={({ currentTarget }) => {
              isShown.value = currentTarget.checked;
            }}
          />
          {text.showMe}
        </label>
        <button type="submit" class="primary" disabled={isBusy}>
          {isBusy ? text.creating : text.createAccount}
        </button>
        <FailureLine text={failure === undefined ? '' : failureText(failure)} />
      </form>
      <button
        type="button"
        class="quiet"
        onClick={() => {
          isLinking.value = true;
        }}
      >
        {text.linkDevice}
      </button>
      <LanguageChoice account={account} />
      {isLinking.value && (
        <LinkThisDevice
          account={account}
          onClose={() => {
            isLinking.value = false;
          }}
        />
      )}
    </Gate>
  );
}

export function Elsewhere({ account }: Props) {
  const text = words.value;
  return (
    <Gate title={text.elsewhereTitle}>
      <p>{text.elsewhereText}</p>
      <button type="button" class="primary" onClick={() => account.start({ takesOver: true })}>
        {text.useHere}
      </button>
    </Gate>
  );
}

export function Ended({ account, phase }: Props & { phase: Extract<Phase, { at: 'ended' }> }) {
  const text = words.value;
  const { isBusy, run } = useAction();
  const forget = () => confirm(text.forgetSure) && void run(() => account.forget());
  return (
    <Gate title={text.endedTitle}>
      <p>{text.endedText}</p>
      <FailureLine text={phase.failure === undefined ? '' : failureText(phase.failure)} />
      <button
        type="button"
        class="primary"
        disabled={isBusy}
        onClick={() => void run(() => account.connect())}
      >
        {text.signIn}
      </button>
      <button type="button" class="quiet danger" onClick={forget}>
        {text.forgetDevice}
      </button>
    </Gate>
  );
}

function Gate({ title, children }: { title: string; children: preact.ComponentChildren }) {
  return (
    <main class="gate">
      <Brand />
      <h1>{title}</h1>
      {children}
      <p class="tagline">{words.value.tagline}</p>
    </main>
  );
}
