import { useSignal } from '@preact/signals';
import { useEffect, useId } from 'preact/hooks';
import type { SecondFactor } from '../../../shared/client/session.ts';
import type { Account } from '../model/account.ts';
import { words } from '../words/words.ts';
import { Dialog, FailureLine } from './parts.tsx';

/** Asks for the second factor whenever the service does. */
export function FactorDialog({ account }: { account: Account }) {
  const { value: question } = account.question;
  const code = useSignal('');
  const isWrong = useSignal(false);
  const id = useId();
  const text = words.value;
  useEffect(() => {
    code.value = '';
  }, [question]);
  if (question === undefined) return null;
  return (
    <Dialog title={text.factorTitle} onClose={() => question.answer(undefined)}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          const shown = factorOf(code.value);
          isWrong.value = shown === undefined;
          if (shown !== undefined) question.answer(shown);
        }}
      >
        <p>{text.factorText}</p>
        <label for={id}>{text.code}</label>
        <input
          id={id}
          class="code"
          required
          autofocus
          autocomplete="one-time-code"
          value={code.value}
          onInput={({ currentTarget }) => {
            code.value = currentTarget.value;
          }}
        />
        <button type="submit" class="primary">
          {text.confirm}
        </button>
        <FailureLine
          text={isWrong.value || question.code === 'second_factor_refused' ? text.codeRefused : ''}
        />
      </form>
    </Dialog>
  );
}

/** Six digits are a code of the app, five groups of five letters a recovery code. */
function factorOf(typed: string): SecondFactor | undefined {
  const plain = typed.replaceAll(/[\s-]/g, '');
  if (/^\d{6}$/.test(plain)) return { totp: plain };
  return /^[A-Za-z2-7]{25}$/.test(plain) ? { recoveryCode: plain } : undefined;
}
