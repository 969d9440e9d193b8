import { computed, signal } from '@preact/signals';
import type { Language } from '../store/database.ts';
import { en, type Words } from './en.ts';
import { ru } from './ru.ts';

export const LANGUAGES: Readonly<Record<Language, Words>> = { en, ru };

/** What was chosen; the browser's language otherwise. */
export const chosen = signal<Language | undefined>(undefined);
export const language = computed<Language>(() => chosen.value ?? languageOf(undefined));
/** The words of the page; a view that reads them follows the language. */
export const words = computed<Words>(() => LANGUAGES[language.value]);

export function wordsOf(wanted: Language | undefined): Words {
  return LANGUAGES[languageOf(wanted)];
}

/** What to say of a failure. */
export function failureText(code: string): string {
  const { failures, failed } = words.value;
  return (failures as Readonly<Record<string, string | undefined>>)[code] ?? failed(code);
}

function languageOf(wanted: Language | undefined): Language {
  return wanted ?? (navigator.language.startsWith('ru') ? 'ru' : 'en');
}
