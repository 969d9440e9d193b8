/** Starts the page: the database first, then the account that it may hold. */
import { effect } from '@preact/signals';
import { render } from 'preact';
import { Account } from './model/account.ts';
import { openDatabase } from './store/database.ts';
import { App } from './view/app.tsx';
import { chosen } from './words/words.ts';

const account = new Account(await openDatabase());
effect(() => {
  chosen.value = account.profile.value.language;
});
account.start();
render(<App account={account} />, document.body);
