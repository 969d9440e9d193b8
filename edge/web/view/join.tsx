import { useSignal } from '@preact/signals';
import { useEffect, useId } from 'preact/hooks';
import type { Account } from '../model/account.ts';
import { type InvitationLink, readLink } from '../model/invitation.ts';
import { words } from '../words/words.ts';
import { Dialog, FailureLine, useAction } from './parts.tsx';

/** Asks before the link that the page was opened with is followed; whoever clicked it may not have meant to. */
export function JoinDialog({ account }: { account: Account }) {
  const link = useSignal<InvitationLink | undefined>(undefined);
  const { isBusy, failure, run } = useAction();
  useEffect(() => {
    const read = () => {
      const found = readLink(location.hash);
      if (found === undefined) return;
      link.value = found;
      // The key must not stay in the history of the browser.
      history.replaceState(null, '', location.pathname + location.search);
    };
    read();
    addEventListener('hashchange', read);
    return () => removeEventListener('hashchange', read);
  }, [link]);
  const close = () => {
    link.value = undefined;
  };
  const { value: found } = link;
  if (found === undefined) return null;
  const join = () =>
    run(async () => {
      await account.conversations.join(found);
      close();
    });
  return (
    <Dialog title={words.value.joinTitle} onClose={close}>
      <p>{words.value.joinText}</p>
      <button type="button" class="primary" disabled={isBusy} onClick={() => void join()}>
        {words.value.join}
      </button>
      <FailureLine text={failure} />
    </Dialog>
  );
}

export function EnterLinkDialog({ account, onClose }: { account: Account; onClose: () => void }) {
  const link = useSignal('');
  const isWrong = useSignal(false);
  const id = useId();
  const { isBusy, failure, run } = useAction();
  const text = words.value;
  const submit = (event: Event) => {
    event.preventDefault();
    const found = readLink(link.value);
    isWrong.value = found === undefined;
    if (found === undefined) return;
    void run(async () => {
      await account.conversations.join(found);
      onClose();
    });
  };
  return (
    <Dialog title={text.joinByLink} onClose={onClose}>
      <form onSubmit={submit}>
        <label for={id}>{text.link}</label>
        <input
          id={id}
          type="url"
          required
          autofocus
          autocomplete="off"
          value={link.value}
          onInput={({ currentTarget }) => {
            link.value = currentTarget.value;
          }}
        />
        <button type="submit" class="primary" disabled={isBusy}>
          {text.join}
        </button>
        <FailureLine text={isWrong.value ? text.linkInvalid : failure} />
      </form>
    </Dialog>
  );
}
