import { useId } from 'preact/hooks';
import type { Account } from '../model/account.ts';
import type { Language } from '../store/database.ts';
import { LANGUAGES, language, words } from '../words/words.ts';

/** Chooses the language of the page, each under its own name. */
export function LanguageChoice({ account }: { account: Account }) {
  const id = useId();
  return (
    <p class="language">
      <label for={id}>{words.value.language}</label>
      <select
        id={id}
        value={language.value}
        onChange={({ currentTarget }) =>
          void account.changeProfile({ language: currentTarget.value as Language })
        }
      >
        {Object.entries(LANGUAGES).map(([code, { name }]) => (
          <option key={code} value={code} lang={code}>
            {name}
          </option>
        ))}
      </select>
    </p>
  );
}
