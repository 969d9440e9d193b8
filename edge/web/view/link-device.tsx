import { useSignal } from '@preact/signals';
import { useId } from 'preact/hooks';
import type { Account } from '../model/account.ts';
import { createDeviceCode } from '../model/siblings.ts';
import { words } from '../words/words.ts';
import { CopyButton, Dialog, FailureLine, useAction } from './parts.tsx';

interface Props {
  readonly account: Account;
}

/** On a new device: asks an account that is on another one to let it in. */
export function LinkThisDevice({ account, onClose }: Props & { onClose: () => void }) {
  const userId = useSignal('');
  const code = useSignal('');
  const id = useId();
  const { isBusy, failure, run } = useAction();
  const text = words.value;
  const submit = (event: Event) => {
    event.preventDefault();
    void run(async () => {
      code.value = await createDeviceCode(account.database, userId.value.trim());
    });
  };
  return (
    <Dialog title={text.linkDevice} onClose={onClose}>
      <p>{text.linkDeviceText}</p>
      <form onSubmit={submit}>
        <label for={id}>{text.yourId}</label>
        <input
          id={id}
          required
          pattern="[A-Za-z0-9_\-]{22}"
          autocomplete="off"
          autofocus
          value={userId.value}
          onInput={({ currentTarget }) => {
            userId.value = currentTarget.value;
          }}
        />
        <button type="submit" class={code.value === '' ? 'primary' : ''} disabled={isBusy}>
          {text.showCode}
        </button>
      </form>
      {code.value !== '' && (
        <>
          <label for={`${id}-code`}>{text.deviceCode}</label>
          <textarea id={`${id}-code`} rows={4} readOnly value={code.value} />
          <p class="hint">{text.deviceCodeText}</p>
          <div class="row-actions">
            <CopyButton text={code.value} />
            <button
              type="button"
              class="primary"
              disabled={isBusy}
              onClick={() => void run(() => account.connect())}
            >
              {text.signIn}
            </button>
          </div>
        </>
      )}
      <FailureLine text={failure} />
    </Dialog>
  );
}

/** On a device that is there: lets a new one in. */
export function AddDevice({ account, onAdded }: Props & { onAdded: () => Promise<void> }) {
  const isOpen = useSignal(false);
  const code = useSignal('');
  const id = useId();
  const { isBusy, failure, run } = useAction();
  const text = words.value;
  const submit = (event: Event) => {
    event.preventDefault();
    void run(async () => {
      await account.sensitive(() => account.conversations.siblings.add(code.value));
      isOpen.value = false;
      code.value = '';
      await onAdded();
    });
  };
  if (!isOpen.value)
    return (
      <button
        type="button"
        onClick={() => {
          isOpen.value = true;
        }}
      >
        {text.addDevice}
      </button>
    );
  return (
    <form onSubmit={submit}>
      <label for={id}>{text.deviceCode}</label>
      <textarea
        id={id}
        rows={4}
        required
        autocomplete="off"
        value={code.value}
        onInput={({ currentTarget }) => {
          code.value = currentTarget.value;
        }}
      />
      <p class="hint">{text.addDeviceText}</p>
      <button type="submit" class="primary" disabled={isBusy}>
        {text.addDevice}
      </button>
      <FailureLine text={failure} />
    </form>
  );
}
