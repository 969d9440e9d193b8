import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { Account } from '../model/account.ts';
import { words } from '../words/words.ts';
import { FailureLine, useAction } from './parts.tsx';

interface Props {
  readonly account: Account;
  readonly userId: string;
  readonly name: string;
}

/** Sixty digits to be compared by two people, and whether they were. */
export function SafetyNumber({ account, userId, name }: Props) {
  const digits = useSignal('');
  const { failure, run } = useAction();
  const text = words.value;
  useEffect(
    () =>
      void run(async () => {
        digits.value = (await account.messenger.value?.client.keys.safetyNumber(userId)) ?? '';
      }),
    [userId],
  );
  const { verified = {} } = account.profile.value;
  const { [userId]: compared, ...others } = verified;
  const isSame = compared === digits.value;
  const mark = (next: Readonly<Record<string, string>>) => void account.changeProfile({ verified: next });
  return (
    <div class="safety">
      <p>{text.safetyText(name)}</p>
      <p class="digits">
        {groupsOf(digits.value).map((group, at) => (
          <span key={`${at}-${group}`}>{group} </span>
        ))}
      </p>
      {compared !== undefined && digits.value !== '' && !isSame && <FailureLine text={text.changedNumber} />}
      {digits.value !== '' && (
        <button
          type="button"
          class={isSame ? 'quiet' : 'primary'}
          onClick={() => mark(isSame ? others : { ...verified, [userId]: digits.value })}
        >
          {isSame ? text.unmarkVerified : text.markVerified}
        </button>
      )}
      <FailureLine text={failure} />
    </div>
  );
}

function groupsOf(digits: string): readonly string[] {
  return digits.replaceAll(/\D/g, '').match(/\d{1,5}/g) ?? [];
}
