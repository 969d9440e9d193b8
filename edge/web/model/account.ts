/**
 * The account on this device: signing up and in, one connection after another, and the one tab that has it. Two pages that
 * change the same groups would lose messages, so a lock of the browser lets one page in; another may take it over.
 */
import { signal } from '@preact/signals';
import { createAccount, type Messenger } from '../../../shared/client/mls/messenger.ts';
import type { SecondFactor } from '../../../shared/client/session.ts';
import { Failure, isFailure, toFailure } from '../../../shared/failure.ts';
import type { FailureCode } from '../../../shared/failures.ts';
import { clearDatabase, type Database, type Profile, readOwn, writeOwn } from '../store/database.ts';
import { createSdkStores } from '../store/sdk-stores.ts';
import { Connection } from './connection.ts';
import { Conversations } from './conversations.ts';
import { notify } from './notify.ts';
import { takeBackCode } from './siblings.ts';

/** What the page is about. */
export type Phase =
  | { readonly at: 'starting' }
  /** Another page of this browser has the account. */
  | { readonly at: 'elsewhere' }
  /** There is no account on this device. */
  | { readonly at: 'welcome'; readonly failure?: FailureCode }
  | { readonly at: 'open' }
  /** Signed out, or put out. */
  | { readonly at: 'ended'; readonly failure?: FailureCode };

/** A second factor is asked for, because of `code`; undefined gives up. */
export interface Question {
  readonly code: FailureCode;
  readonly answer: (shown: SecondFactor | undefined) => void;
}

const LOCK = 'hushwire';
/** Key packages kept in the directory: how many channels may let this device in while it is away. */
const KEY_PACKAGES = 10;
const PUBLISH_TIMEOUT_MS = 600_000;
const PAUSE_MS = 1_000;
const PAUSE_MAX_MS = 30_000;

export class Account {
  readonly phase = signal<Phase>({ at: 'starting' });
  readonly profile = signal<Profile>({ name: '', isShown: true });
  readonly question = signal<Question | undefined>(undefined);
  readonly messenger = signal<Messenger | undefined>(undefined);
  readonly connection = new Connection();
  readonly conversations: Conversations;
  readonly database: Database;
  #stop = new AbortController();

  constructor(database: Database) {
    this.database = database;
    this.conversations = new Conversations({
      database,
      profile: () => this.profile.value,
      rename: (name) => this.changeProfile({ name }),
      onMessage: (conversation, message) => notify(this.profile.value, conversation, message),
    });
  }

  /** Takes the account's lock, or tells that another page has it. */
  start({ takesOver = false } = {}): void {
    const options = takesOver ? { steal: true } : { ifAvailable: true };
    navigator.locks
      .request(LOCK, options, async (lock) => {
        if (lock === null) return this.#enter({ at: 'elsewhere' });
        await this.#load();
        await new Promise(() => undefined); // Held until the page is gone, or another one takes it.
      })
      .catch(() => {
        this.#disconnect();
        this.#enter({ at: 'elsewhere' });
      });
  }

  /** Makes an account on this device. */
  async signUp(profile: Profile): Promise<void> {
    await takeBackCode(this.database);
    await this.changeProfile(profile);
    await this.connect();
  }

  async changeProfile(change: Partial<Profile>): Promise<void> {
    this.profile.value = { ...this.profile.value, ...change };
    await writeOwn(this.database, 'profile', this.profile.value);
  }

  /** Lets others see when this person is here, or not any more. */
  async show(isShown: boolean): Promise<void> {
    await this.changeProfile({ isShown });
    for (const { channel } of this.conversations.all.value) {
      if (!isShown) channel?.presence.hide();
      else channel?.presence.show().catch(() => undefined); // Shown with the next connection.
    }
  }

  /** Signs in and stays connected, for as long as it takes; resolves when it is, or when it never will be. */
  async connect(): Promise<void> {
    this.#disconnect();
    this.#stop = new AbortController();
    const { signal: stopped } = this.#stop;
    this.connection.connecting();
    for (let pauseMs = PAUSE_MS; !stopped.aborted; pauseMs = Math.min(2 * pauseMs, PAUSE_MAX_MS)) {
      try {
        return this.#opened(await this.#open(stopped));
      } catch (error) {
        const failure = toFailure(error);
        if (stopped.aborted) return;
        if (failure.retry === 'never') return this.#refused(failure);
        this.connection.failed(failure);
        await this.connection.pause(pauseMs);
      }
    }
  }

  /** Does what takes a second factor shown a moment ago; asks for one where it must. Throws as `action`. */
  async sensitive<T>(action: () => Promise<T>): Promise<T> {
    for (let code: FailureCode = 'step_up_required'; ; ) {
      try {
        return await action();
      } catch (error) {
        if (!isFailure(error, 'step_up_required')) throw error;
      }
      const totp = this.messenger.value?.client.account.totp;
      const shown = await this.#ask(code, this.#stop.signal);
      if (shown === undefined || totp === undefined) throw new Failure('step_up_required');
      await totp.stepUp(shown).catch((error) => {
        if (!isFailure(error, 'second_factor_refused')) throw error;
        code = 'second_factor_refused';
      });
    }
  }

  /** Ends the session; the keys stay, and this device may sign in again. Throws as `Account.signOut` of the SDK. */
  async signOut(): Promise<void> {
    await this.messenger.value?.client.account.signOut();
  }

  /** Deletes the account, and everything here. */
  async delete(): Promise<void> {
    await this.sensitive(async () => this.messenger.value?.client.account.delete());
    await this.forget();
  }

  /** Forgets everything on this device: its keys are gone for good. */
  async forget(): Promise<void> {
    this.#disconnect();
    await clearDatabase(this.database);
    location.reload();
  }

  async #load(): Promise<void> {
    this.profile.value = (await readOwn(this.database, 'profile')) ?? this.profile.value;
    const device = await readOwn(this.database, 'device');
    if (device?.userId === undefined) return this.#enter({ at: 'welcome' });
    await this.conversations.load();
    this.#enter({ at: 'open' });
    void this.connect();
  }

  #open(stopped: AbortSignal): Promise<Messenger> {
    const node = new URLSearchParams(location.search).get('node');
    return createAccount({
      edge: location.origin,
      ...createSdkStores(this.database),
      ...(node === null ? {} : { node }),
      keyPackages: KEY_PACKAGES,
      publishTimeoutMs: PUBLISH_TIMEOUT_MS,
      secondFactor: ({ code }) => this.#ask(code, stopped),
      onMail: (mail) => this.conversations.takeMail(mail),
      signal: stopped,
    });
  }

  #opened(messenger: Messenger): void {
    const { client } = messenger;
    this.messenger.value = messenger;
    this.connection.use(client);
    client.on('state', (state) => {
      if (state.state === 'closed' && this.messenger.value === messenger) this.#closed(state.failure);
    });
    this.#enter({ at: 'open' });
    this.conversations.use(messenger);
  }

  async #ask(code: FailureCode, stopped: AbortSignal): Promise<SecondFactor | undefined> {
    if (this.profile.value.hasTotp !== true) await this.changeProfile({ hasTotp: true });
    return new Promise((resolve) => {
      const answer: Question['answer'] = (shown) => {
        this.question.value = undefined;
        resolve(shown);
      };
      stopped.addEventListener('abort', () => answer(undefined), { once: true });
      this.question.value = { code, answer };
    });
  }

  #closed(failure: Failure | undefined): void {
    this.#disconnect();
    this.#enter({ at: 'ended', ...(failure === undefined ? {} : { failure: failure.code }) });
  }

  #refused({ code }: Failure): void {
    const isNew = this.phase.value.at === 'welcome';
    this.#enter({ at: isNew ? 'welcome' : 'ended', failure: code });
  }

  #disconnect(): void {
    this.#stop.abort();
    const { value: messenger } = this.messenger;
    this.messenger.value = undefined;
    this.conversations.leaveConnection();
    this.connection.use(undefined);
    messenger?.close();
  }

  #enter(phase: Phase): void {
    this.phase.value = phase;
  }
}
