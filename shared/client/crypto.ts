import type { JWK } from '../token.ts';

/** What a message is bound to: moved to another channel, under another id or into the log it no longer opens. */
export interface MessageContext {
  readonly channelId: string;
  readonly messageId: string;
  /** Kept nowhere; sealed into smaller sizes. */
  readonly isEphemeral?: true;
  /** The plaintext begins with the key that opens it (commitment.ts); stripped or exchanged on the way, nothing opens. */
  readonly commitment?: string;
}

/** `no_key`: this device holds no key of the channel · `altered`: the key it holds does not open it. */
export type Unreadable = 'no_key' | 'altered';
export type Opened = { readonly plaintext: Uint8Array } | { readonly unreadable: Unreadable };

/**
 * End-to-end encryption as the SDK needs it; keys never leave the implementation but wrapped for a peer.
 *
 * Guarantees: what `seal` made, `open` on a device with the same channel key gives back under the same context, and
 * nothing else opens. `seal` yields at most 64 KiB. Calls for one channel may run at the same time.
 */
export interface ChannelCrypto {
  /** It encrypts nothing, since the content is encrypted already: whoever did that commits to it, too. */
  readonly isPassThrough?: true;
  /** This device's public key, to be handed to peers over a way they trust. */
  readonly agreementKey: JWK;
  /** Makes a new channel key, unless this device holds one. */
  createKey(channelId: string): Promise<void>;
  hasKey(channelId: string): boolean;
  /** Throws `conflict` without a key of the channel, `payload_too_large` when it would not fit. */
  seal(plaintext: Uint8Array, context: MessageContext): Promise<Uint8Array>;
  /** Never throws for what a peer sent: an unreadable message is an expected outcome. */
  open(ciphertext: Uint8Array, context: MessageContext): Promise<Opened>;
  /** The channel key for one peer device. Throws `conflict` without a key, `bad_request` on an unusable peer key. */
  wrapKeyFor(channelId: string, peer: JWK): Promise<string>;
  /** Takes over a channel key wrapped for this device. Throws `bad_request` when it is not, or of another channel. */
  unwrapKey(channelId: string, wrapped: string): Promise<void>;
}
