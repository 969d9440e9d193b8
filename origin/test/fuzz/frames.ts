/** Frames as peers might send them, drawn by seed: right ones, nearly right ones, and what is no frame at all. */
import type { Chance } from '../../../deploy/local/faults/random.ts';
import { LIMITS } from '../../../shared/limits.ts';
import { readVectors } from '../../../shared/testing/vectors.ts';
import { tokenOf } from '../memory-node.ts';

/** Who sends the frames: every connection is admitted as this one. */
export const PERSON = { session: tag('S'), device: tag('D'), mailbox: tag('M'), sender: tag('A') };
export const CHANNELS: readonly string[] = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'].map(tag);

const NEVER = Number.MAX_SAFE_INTEGER;
export const EPOCH = tag('E');
const POSITION = { epoch: EPOCH, offset: 3 };
const MAILBOXES = [tag('p'), tag('q')];

/** How much of what a peer sends is no frame at all: such a message ends its connection. */
export type Manners = 'able' | 'rude';

/** One frame's text; undefined stands for a binary message. */
export function drawFrame(chance: Chance, manners: Manners): string | undefined {
  const kind = manners === 'able' ? chance.between(0, 66) : chance.between(35, 99);
  if (kind < 35) return JSON.stringify(validFrame(chance));
  if (kind < 65) return JSON.stringify(bend(validFrame(chance), chance));
  if (kind < 90) return scramble(anyText(chance), chance);
  if (kind < 99) return garbage(chance);
  return chance.once(10) ? oversized(chance) : undefined;
}

/** A frame that keeps to the protocol; whether it is obeyed is another matter. */
function validFrame(chance: Chance): Record<string, unknown> {
  const ref = chance.between(1, 2 ** 32 - 1);
  const channel = chance.pick(CHANNELS);
  const channels = CHANNELS.filter(() => chance.once(3));
  if (channels.length === 0) channels.push(channel);
  const data = 'A'.repeat(chance.once(500) ? LIMITS.dataChars - 2 : 2 + 4 * chance.between(0, 20));
  const id = `${chance.between(1e8, 1e9)}`.padEnd(16, 'x');
  return chance.pick<() => Record<string, unknown>>([
    () => ({ type: 'publish', ref, channel, id, data, ...extras(chance) }),
    () => ({ type: 'publish', ref, channel, id, data }),
    () => ({
      type: 'subscribe',
      ref,
      channels: channels.map((one) =>
        chance.once(4) ? { channel: one, position: POSITION } : { channel: one },
      ),
      ...(chance.once(2) ? { grants: grants(chance) } : {}),
    }),
    () => ({ type: 'unsubscribe', ref, channels }),
    () => ({
      type: 'send',
      ref,
      items: [{ mailbox: chance.pick(MAILBOXES), id, data }],
      ...(chance.once(2) ? { grants: mailboxGrants(chance.once(5) ? tag('X') : PERSON.session) } : {}),
    }),
    () => ({ type: 'attach', ref }),
    () => ({ type: 'ack', ref, ranges: [[1, chance.between(1, 99)]] }),
    () => ({ type: 'presence', ref, channel, show: chance.once(2), watch: chance.once(2) }),
    () => ({ type: 'refresh', ref, ticket: chance.once(5) ? 'a.b.c' : ticket() }),
    () => ({ type: 'ping', ref }),
  ])();
}

function extras(chance: Chance): Record<string, unknown> {
  return chance.pick<Record<string, unknown>>([
    { ephemeral: true },
    { ifCommit: POSITION },
    { commitment: 'C'.repeat(43) },
  ]);
}

/** What an able peer begins with: it may do everything. */
export function opening(chance: Chance): readonly string[] {
  const ref = chance.between(1, 2 ** 32 - 2);
  const channels = CHANNELS.map((channel) => ({ channel }));
  const items = [{ mailbox: MAILBOXES[0], id: 'x'.repeat(16), data: 'eA' }];
  return [
    { type: 'subscribe', ref, channels, grants: bundle({}) },
    { type: 'send', ref: ref + 1, items, grants: mailboxGrants(PERSON.session) },
  ].map((frame) => JSON.stringify(frame));
}

/** A ticket of the person, as every connection needs one. */
export function ticket(): string {
  return tokenOf('ticket', { jti: 'once', expiresAtMs: NEVER, ...PERSON });
}

function grants(chance: Chance): string {
  return chance.pick([
    () => bundle({ session: tag('X') }),
    () => bundle({ verbs: ['subscribe'] }),
    () => bundle({ expiresAtMs: 1 }),
    () => bundle({}),
    () => bundle({}),
  ])();
}

function bundle({
  session = PERSON.session,
  verbs = ['subscribe', 'publish', 'presence'],
  expiresAtMs = NEVER,
}): string {
  const list = CHANNELS.map((channel) => ({ channel, member: tag('m'), verbs, generation: 1 }));
  return tokenOf('grants', { session, grants: list, expiresAtMs });
}

function mailboxGrants(session: string): string {
  return tokenOf('mailboxes', { session, sender: tag('A'), mailboxes: MAILBOXES, expiresAtMs: NEVER });
}

/** Changes one place of a frame, however deep. */
function bend(value: unknown, chance: Chance): unknown {
  if (typeof value !== 'object' || value === null || chance.once(8)) return odd(chance);
  const keys = Object.keys(value);
  // A copy of a list or an object of JSON, whose keys are texts either way.
  const copy = (Array.isArray(value) ? [...value] : { ...value }) as Record<string, unknown>;
  if (keys.length === 0 || chance.once(6)) {
    copy[chance.pick(['x', '__proto__', 'constructor', 'toString', '0', 'ref', 'type'])] = odd(chance);
    return copy;
  }
  const key = chance.pick(keys);
  if (chance.once(6)) delete copy[key];
  else copy[key] = bend(copy[key], chance);
  return copy;
}

const ODD: readonly unknown[] = [
  ...[null, true, false, 0, -0, -1, 0.5, 1, 2 ** 31, 2 ** 32, 2 ** 53, 1e308, -1e-308],
  ...['', 'x', '\u0000', '\ud800', '\u2028', 'ü'.repeat(22), tag('t'), 'A'.repeat(21), 'A'.repeat(23)],
  ...['publish', 'ping', 'welcome', 'a.b.c', '1', '__proto__', 'A'.repeat(LIMITS.tokenChars + 1)],
  ...[[], [[]], [null], [[1, 2]], [[2, 1]], {}, { channel: tag('t') }, { epoch: 'e', offset: -1 }],
  Array.from({ length: LIMITS.channelsPerCall + 1 }, (_, i) => ({ channel: tag(`t${i}`) })),
  Array.from({ length: LIMITS.itemsPerCall + 1 }, (_, i) => [i, i]),
];

function odd(chance: Chance): unknown {
  return chance.pick(ODD);
}

const VECTORS = ['client-frames', 'server-frames'].flatMap((name) =>
  readVectors<{ valid: { frame: unknown }[] }>(name).valid.map(({ frame }) => JSON.stringify(frame)),
);

function anyText(chance: Chance): string {
  return chance.once(2) ? chance.pick(VECTORS) : JSON.stringify(validFrame(chance));
}

const NASTY = [
  '"',
  '\\',
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  '\u0000',
  '\ud83d',
  '\udc00',
  '\ufeff',
  '\\u00',
  '1e999',
  '-',
  'é',
];

/** Cuts, doubles, swaps and inserts, one to four times. */
function scramble(text: string, chance: Chance): string {
  let scrambled = text;
  for (let times = chance.between(1, 4); times > 0; times -= 1) {
    const at = chance.between(0, scrambled.length);
    const end = at + chance.between(0, 12);
    const [before, middle, after] = [scrambled.slice(0, at), scrambled.slice(at, end), scrambled.slice(end)];
    scrambled = chance.pick([
      () => before + after,
      () => before + middle + middle + after,
      () => before + chance.pick(NASTY) + middle + after,
      () => before,
      () => before + String.fromCharCode(chance.between(0, 0xffff)) + after,
      () => before + chance.pick(VECTORS).slice(chance.between(0, 30), 40) + after,
    ])();
  }
  return scrambled;
}

function garbage(chance: Chance): string {
  const times = chance.once(50) ? LIMITS.frameBytes / 8 : chance.between(1, 60);
  const letters = () => String.fromCharCode(...Array.from({ length: 20 }, () => chance.between(0, 0xffff)));
  return chance.pick([
    letters,
    () => chance.pick(['', 'null', '[]', '"x"', '0', 'true', '{}', '\ufeff{}', '{"ref":1}', 'undefined']),
    () => '['.repeat(times),
    () => `{"type":"ping","ref":1,"x":${'['.repeat(times)}${']'.repeat(times)}}`,
    () => '{"ref":'.repeat(Math.ceil(times / 8)),
    () => `{"type":"${letters()}","ref":${chance.between(-5, 2 ** 33)}}`,
    () => `{"ref":1,"ref":2,"type":"ping","type":"pong"${',"x":1'.repeat(Math.ceil(times / 6))}}`,
  ])();
}

function oversized(chance: Chance): string {
  return '{"type":"ping","ref":1}'.padEnd(LIMITS.frameBytes + chance.between(-1, 2));
}

function tag(letter: string): string {
  return letter.padEnd(22, '-');
}
