/** The account of one directory, signed in for as long as a command runs. */

import { fileStores } from '../../shared/client/adapters/file-stores.ts';
import { openNodeSocket } from '../../shared/client/adapters/node-socket.ts';
import { createAccount, type Messenger } from '../../shared/client/mls/messenger.ts';
import type { SecureChannel } from '../../shared/client/mls/secure-channel.ts';
import type { ClientOptions } from '../../shared/client/options.ts';
import type { Output } from './output.ts';
import { received, Unread } from './unread.ts';

export interface AccountOptions extends Pick<ClientOptions, 'invitation' | 'secondFactor' | 'enrol'> {
  readonly home: string;
  readonly edge: string;
  readonly output: Output;
  readonly signal: AbortSignal;
}

export class Account {
  readonly messenger: Messenger;
  readonly unread: Unread;
  readonly #output: Output;
  readonly #channels = new Map<string, Promise<SecureChannel>>();

  private constructor(messenger: Messenger, unread: Unread, output: Output) {
    this.messenger = messenger;
    this.unread = unread;
    this.#output = output;
  }

  /** Signs in, or up where the directory holds no device. Throws as `createAccount`. */
  static async open({ home, output, ...options }: AccountOptions): Promise<Account> {
    const [stores, unread] = await Promise.all([fileStores(home), Unread.open(home)]);
    const messenger = await createAccount({ ...options, ...stores, openSocket: openNodeSocket });
    messenger.client.on('resent', (outcome) =>
      output.note(
        'failure' in outcome
          ? `A message an earlier command had left was refused: ${outcome.failure.code} (${outcome.id})`
          : `Sent what an earlier command had left (${outcome.id})`,
      ),
    );
    messenger.on('fault', ({ channelId, failure }) => output.note(`${channelId}: ${failure.message}`));
    return new Account(messenger, unread, output);
  }

  /** The channel, once this device is in it; what it says is unread until somebody prints it. */
  channel(channelId: string, signal: AbortSignal): Promise<SecureChannel> {
    const opened = this.#channels.get(channelId) ?? this.#open(channelId, signal);
    this.#channels.set(channelId, opened);
    return opened;
  }

  /** Closes the connection; what came and was not printed is kept. */
  async close(): Promise<void> {
    await this.messenger.close();
    await this.unread.save();
  }

  async #open(channelId: string, signal: AbortSignal): Promise<SecureChannel> {
    const channel = await this.messenger.channels.join(channelId, { signal });
    channel.on('message', (message) => this.unread.push(received(channelId, message)));
    channel.on('gap', () => this.#output.note(`${channelId}: messages may be missing`));
    return channel;
  }
}
