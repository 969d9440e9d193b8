import { Account, type AccountOptions } from './account.ts';
import type { Given } from './command.ts';
import { edgeFor } from './edge.ts';
import { claimHome, edgeIn } from './home.ts';
import { type Asking, enrolWith, factorFor } from './second-factor.ts';

interface HomeUseOptions extends Asking {
  readonly home: string;
}

/** What one command does with the directory of an account, and how it leaves it. */
export class HomeUse {
  readonly #options: HomeUseOptions;
  #claimed: ReturnType<typeof claimHome> | undefined;
  #account: Account | undefined;

  constructor(options: HomeUseOptions) {
    this.#options = options;
  }

  given(): Pick<Given, 'home' | 'edge' | 'claim' | 'open' | 'begin'> {
    const { home, values } = this.#options;
    return {
      home,
      edge: () => edgeFor(home, values.edge),
      claim: () => this.#claim(),
      open: async () => {
        if ((await edgeIn(home)) !== undefined) return this.#open({});
        throw new Error(
          `There is no account in ${home}: make one with sign-up, or name another directory with --home`,
        );
      },
      begin: (options = {}) => this.#open(options),
    };
  }

  async end(): Promise<void> {
    await this.#account?.close();
    const claim = await this.#claimed?.catch(() => undefined); // Told to whoever asked for it.
    claim?.release();
  }

  async #claim(): Promise<void> {
    this.#claimed ??= claimHome(this.#options.home);
    await this.#claimed;
  }

  async #open(options: Pick<AccountOptions, 'invitation'>): Promise<Account> {
    const { home, values, output, signal } = this.#options;
    const edge = await edgeFor(home, values.edge);
    await this.#claim();
    const asking = this.#options;
    const second = { secondFactor: factorFor(asking), enrol: enrolWith(asking) };
    this.#account = await Account.open({ home, edge, output, signal, ...second, ...options });
    return this.#account;
  }
}
