/**
 * Every bound of the wire protocol, in one place; `shared/protocol.md` prints the same table.
 * Sizes are bytes unless the name says otherwise.
 */
export const LIMITS = Object.freeze({
  /** Largest WebSocket message a node reads; over it the connection closes with `frame_too_large`. */
  frameBytes: 96 * 1024,
  /** Largest ciphertext of one publication, before base64url. */
  dataBytes: 64 * 1024,
  /** Largest `data` string: ⌈64 KiB · 4 / 3⌉ base64url characters without padding. */
  dataChars: Math.ceil((64 * 1024 * 4) / 3),
  /** Channels in one `subscribe`, `unsubscribe` or `POST /v1/connect`. */
  channelsPerCall: 100,
  /** Channels one connection may hold; well above the 95th percentile of chat apps, low enough to bound memory. */
  channelsPerConnection: 500,
  /** Items in one `send`, and ranges in one `ack`. */
  itemsPerCall: 100,
  /** Mailboxes one connection may hold grants for. */
  mailboxesPerConnection: 2_000,
  /** Items of a mailbox that a device may hold unacked before it gets more. */
  unackedItems: 32,
  /** Members of a channel that presence names; beyond it only counts are told. */
  presenceNames: 64,
  /** Members of one channel that presence counts. */
  presentPerChannel: 10_000,
  /** Commands of one connection that may wait for their answer. */
  pendingCommands: 256,
  /** Commands of one connection: so many come back in a second, and so many may be saved up. */
  commandsPerSecond: 100,
  commandsBurst: 500,
  /** Bytes of one connection's messages, likewise; a burst carries some forty publications of the largest size. */
  bytesPerSecond: 1024 * 1024,
  bytesBurst: 4 * 1024 * 1024,
  /** Commands and bytes of all connections of one account at one node, likewise: those of five busy connections. */
  accountCommandsPerSecond: 500,
  accountCommandsBurst: 2_500,
  accountBytesPerSecond: 5 * 1024 * 1024,
  accountBytesBurst: 20 * 1024 * 1024,
  /** Accounts a node counts at a time; those heard of longest ago are forgotten first. */
  accountsCounted: 100_000,
  /** Connections one node admits in a second, likewise: 10,000 that lost their node are back in about 8 s. */
  connectionsPerSecond: 1_000,
  connectionsBurst: 2_000,
  /** Connections of one node that are not admitted yet. */
  admittingConnections: 2_000,
  /** How long, in milliseconds, a connection may take to be admitted. */
  admissionMs: 5_000,
  /** How long, in milliseconds, a connection stays to which no newer ticket was brought: twice the life of grants. */
  stayMs: 20 * 60_000,
  /** Bytes queued for a peer that reads slowly; replays and mailboxes wait in the relay long before. */
  outboxBytes: 1024 * 1024,
  /** Longest JWT a node parses: a bundle of 100 grants is about 11 KB. */
  tokenChars: 24 * 1024,
  /** Largest JSON body the edge reads. */
  bodyBytes: 64 * 1024,
  /** Users in one look-up of keys. */
  usersPerLookup: 100,
  /** A device's identity key for messaging: four times what any curve in use needs. */
  identityKeyBytes: 256,
  /** One key package; an MLS KeyPackage has some 300 bytes on a curve, and 2.7 KiB with hybrid post-quantum keys. */
  keyPackageBytes: 4 * 1024,
  /** One-time key packages of a device that may lie in stock, and that one call may bring. */
  keyPackagesPerDevice: 100,
  /** Below this many the stock of a device counts as low. */
  keyPackagesLow: 20,
  /** One entry of a key log; with six devices and the largest identity keys it has about 4,600. */
  keyLogEntryChars: 5 * 1024,
  /** Entries in one page of a key log. */
  keyLogEntriesPerPage: 32,
  /** A client message id: 16 to 36 base64url characters. */
  messageIdMinChars: 16,
  messageIdMaxChars: 36,
});
