import { useSignal } from '@preact/signals';
import { useId } from 'preact/hooks';
import type { Account } from '../model/account.ts';
import { NAME_MAX } from '../model/content.ts';
import { words } from '../words/words.ts';
import { Dialog, FailureLine, useAction } from './parts.tsx';

export function NewChannelDialog({ account, onClose }: { account: Account; onClose: () => void }) {
  const title = useSignal('');
  const id = useId();
  const { isBusy, failure, run } = useAction();
  const text = words.value;
  const submit = (event: Event) => {
    event.preventDefault();
    void run(async () => {
      await account.conversations.create(title.value.trim());
      onClose();
    });
  };
  return (
    <Dialog title={text.newChannel} onClose={onClose}>
      <form onSubmit={submit}>
        <label for={id}>{text.channelName}</label>
        <input
          id={id}
          required
          autofocus
          autocomplete="off"
          maxLength={NAME_MAX}
          value={title.value}
          onInput={({ currentTarget }) => {
            title.value = currentTarget.value;
          }}
        />
        <button type="submit" class="primary" disabled={isBusy}>
          {text.create}
        </button>
        <FailureLine text={failure} />
      </form>
    </Dialog>
  );
}
