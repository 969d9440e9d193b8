import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { TEXT_MAX } from '../model/content.ts';
import type { Conversation } from '../model/conversation.ts';
import { words } from '../words/words.ts';
import { Icon } from './parts.tsx';

/** Enter sends, Shift and Enter begins a line; a phone's keyboard has its own button. */
export function Composer({ conversation }: { conversation: Conversation }) {
  const draft = useSignal('');
  const field = useRef<HTMLTextAreaElement>(null);
  const text = words.value;
  useEffect(() => {
    if (matchMedia('(pointer: fine)').matches) field.current?.focus();
  }, []);
  const send = () => {
    void conversation.compose(draft.value);
    draft.value = '';
    field.current?.focus();
  };
  const pressed = (event: KeyboardEvent) => {
    const isSent = event.key === 'Enter' && !event.shiftKey && !event.isComposing;
    if (!isSent || !matchMedia('(pointer: fine)').matches) return;
    event.preventDefault();
    send();
  };
  return (
    <footer class="composer">
      <Typing conversation={conversation} />
      <form
        onSubmit={(event) => {
          event.preventDefault();
          send();
        }}
      >
        <textarea
          ref={field}
          rows={1}
          maxLength={TEXT_MAX}
          aria-label={text.message}
          placeholder={text.message}
          value={draft.value}
          onKeyDown={pressed}
          onInput={({ currentTarget }) => {
            draft.value = currentTarget.value;
            conversation.hints.typed();
          }}
        />
        <button
          type="submit"
          class="send"
          aria-label={text.send}
          title={text.send}
          disabled={draft.value.trim() === ''}
        >
          <Icon name="send" />
        </button>
      </form>
    </footer>
  );
}

function Typing({ conversation }: { conversation: Conversation }) {
  const names = conversation.hints.typing.value.map(
    (userId) => conversation.nameOf(userId) || words.value.somebody,
  );
  return (
    <p class="typing" aria-live="polite">
      {names.length > 0 && words.value.types(names)}
    </p>
  );
}
