import { useSignal } from '@preact/signals';
import { useId } from 'preact/hooks';
import type { Account } from '../model/account.ts';
import { NAME_MAX } from '../model/content.ts';
import { allowNotifications } from '../model/notify.ts';
import { words } from '../words/words.ts';
import { Devices } from './devices.tsx';
import { LanguageChoice } from './language.tsx';
import { Dialog, FailureLine, useAction } from './parts.tsx';
import { Totp } from './totp.tsx';

interface Props {
  readonly account: Account;
}

export function SettingsDialog({ account, onClose }: Props & { onClose: () => void }) {
  return (
    <Dialog title={words.value.settings} onClose={onClose}>
      <You account={account} />
      <Totp account={account} />
      <Devices account={account} />
      <Leaving account={account} />
    </Dialog>
  );
}

function You({ account }: Props) {
  const { name, isShown } = account.profile.value;
  const typed = useSignal(name);
  const id = useId();
  const text = words.value;
  const isSame = typed.value.trim() === name || typed.value.trim() === '';
  return (
    <section aria-label={text.profile}>
      <h3>{text.profile}</h3>
      <form
        class="inline"
        onSubmit={(event) => {
          event.preventDefault();
          void account.changeProfile({ name: typed.value.trim() });
        }}
      >
        <label for={id}>{text.yourName}</label>
        <input
          id={id}
          maxLength={NAME_MAX}
          autocomplete="nickname"
          value={typed.value}
          onInput={({ currentTarget }) => {
            typed.value = currentTarget.value;
          }}
        />
        <button type="submit" disabled={isSame}>
          {text.save}
        </button>
      </form>
      <label class="check">
        <input
          type="checkbox"
          checked={isShown}
          onChange={({ currentTarget }) => void account.show(currentTarget.checked)}
        />
        {text.showMe}
      </label>
      <Notifications account={account} />
      <LanguageChoice account={account} />
    </section>
  );
}

function Notifications({ account }: Props) {
  const isRefused = useSignal(false);
  const { wantsNotifications = false, namesInNotifications = false } = account.profile.value;
  const change = async (wants: boolean) => {
    const isAllowed = wants && (await allowNotifications());
    isRefused.value = wants && !isAllowed;
    await account.changeProfile({ wantsNotifications: isAllowed });
  };
  return (
    <>
      <label class="check">
        <input
          type="checkbox"
          checked={wantsNotifications}
          onChange={({ currentTarget }) => void change(currentTarget.checked)}
        />
        {words.value.notifications}
      </label>
      {wantsNotifications && (
        <label class="check">
          <input
            type="checkbox"
            checked={namesInNotifications}
            onChange={({ currentTarget }) =>
              void account.changeProfile({ namesInNotifications: currentTarget.checked })
            }
          />
          {words.value.namesInNotifications}
        </label>
      )}
      <FailureLine text={isRefused.value ? words.value.notificationsRefused : ''} />
    </>
  );
}

function Leaving({ account }: Props) {
  const { isBusy, failure, run } = useAction();
  const text = words.value;
  const remove = () => confirm(text.deleteSure) && void run(() => account.delete());
  return (
    <section aria-label={text.account}>
      <h3>{text.account}</h3>
      <p class="id">
        {text.yourId}: <code>{account.messenger.value?.userId ?? '…'}</code>
      </p>
      <button type="button" disabled={isBusy} onClick={() => void run(() => account.signOut())}>
        {text.signOut}
      </button>
      <button type="button" class="quiet danger" disabled={isBusy} onClick={remove}>
        {text.deleteAccount}
      </button>
      <FailureLine text={failure} />
    </section>
  );
}
