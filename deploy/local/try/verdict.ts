/** Searches everything that can be reached for what must be nowhere, and for what must be there. */
import { fromBase64Url } from '../../../shared/bytes.ts';
import { parseServerFrame } from '../../../shared/codec.ts';
import type { PublicationFrame } from '../../../shared/frame.ts';
import type { Report } from './report.ts';
import type { Outcome } from './scenario.ts';
import { type Haystack, type Needle, needlesOf, search } from './search.ts';
import { postgresContents, redisContents } from './stores.ts';

/** Where the stores are, as far as known. */
export interface StoreUrls {
  readonly redisUrl?: string;
  readonly databaseUrl?: string;
}

interface Place {
  readonly name: string;
  readonly contents: AsyncIterable<Haystack> | Iterable<Haystack>;
  /** What is known to be there: a search that does not find it could not have found anything else. */
  readonly control: readonly Needle[];
}

/** Checks, for every place, that the search finds the control and no secret. */
export async function searchEverywhere(outcome: Outcome, stores: StoreUrls, report: Report): Promise<void> {
  report.step('Searching stores and frames for texts, the channel key, user, device and channel ids');
  const secrets = secretsOf(outcome);
  for (const place of placesOf(outcome, stores)) await searchPlace(place, secrets, report);
  if (stores.redisUrl === undefined) report.note('Redis was not searched: its address is not known here');
  if (stores.databaseUrl === undefined)
    report.note('Postgres was not searched: its address is not known here');
}

async function searchPlace(place: Place, secrets: readonly Needle[], report: Report): Promise<void> {
  const { findings, pieces, totalBytes } = await search(place.contents, [...place.control, ...secrets]);
  const isControl = (what: string) => place.control.some((needle) => needle.what === what);
  const leaks = findings.filter(({ what }) => !isControl(what));
  const wanted = [...new Set(place.control.map(({ what }) => what))];
  const missed = wanted.filter((what) => !findings.some((finding) => finding.what === what));
  const size = `${pieces} pieces, ${Math.ceil(totalBytes / 1024)} KiB`;
  report.check(
    missed.length === 0,
    `${place.name}: the search finds ${wanted.join(' and ')} (${size})`,
    missed.join(', '),
  );
  const [leak] = leaks;
  const detail =
    leak === undefined ? '' : `${leaks.length}, first ${leak.what} as ${leak.form} in ${leak.where}`;
  report.check(leaks.length === 0, `${place.name}: no text, key or id in any form`, detail);
}

function secretsOf({ channelId, people, evidence, marker }: Outcome): Needle[] {
  const [alice, bob] = people;
  const ids = [
    ['the channel id', channelId],
    ['the user id of Alice', alice?.userId ?? ''],
    ['the user id of Bob', bob?.userId ?? ''],
    ['the device id of Alice', alice?.deviceId ?? ''],
    ['the device id of Bob', bob?.deviceId ?? ''],
  ] as const;
  const keys = [...new Set(evidence.map(({ key }) => key))];
  return [
    ...needlesOf('a text', marker),
    ...keys.flatMap((key) => [
      ...needlesOf('the channel key', fromBase64Url(key)),
      ...needlesOf('the channel key as text', key),
    ]),
    ...ids.flatMap(([what, id]) => [...needlesOf(what, id), ...needlesOf(what, fromBase64Url(id))]),
  ];
}

function placesOf(outcome: Outcome, { redisUrl, databaseUrl }: StoreUrls): Place[] {
  const last = lastPublication(outcome);
  const ciphertext = needlesOf('the newest ciphertext', last.data);
  const tag = needlesOf('the tag of the channel', last.channel);
  const [alice, bob] = outcome.evidence;
  return [
    { name: 'frames of Alice', contents: framesOf(alice?.frames ?? []), control: [...ciphertext, ...tag] },
    { name: 'frames of Bob', contents: framesOf(bob?.frames ?? []), control: [...ciphertext, ...tag] },
    ...(redisUrl === undefined
      ? []
      : [{ name: 'Redis', contents: redisContents(redisUrl), control: [...ciphertext, ...tag] }]),
    ...(databaseUrl === undefined
      ? []
      : [{ name: 'Postgres', contents: postgresContents(databaseUrl), control: tag }]),
  ];
}

/** Frames as they are, and what is inside their base64url: a text in there would show in neither form. */
function* framesOf(frames: readonly string[]): Generator<Haystack> {
  for (const frame of frames) {
    yield { where: 'a frame', bytes: Buffer.from(frame) };
    for (const [part] of frame.matchAll(/[A-Za-z0-9_-]{16,}/g))
      yield { where: 'a decoded part of a frame', bytes: Buffer.from(part, 'base64url') };
  }
}

function lastPublication({ evidence }: Outcome): PublicationFrame {
  for (const text of evidence[0]?.frames.toReversed() ?? []) {
    const frame = parseServerFrame(text);
    if (typeof frame === 'object' && frame.type === 'publication') return frame;
  }
  throw new Error('Alice saw no publication');
}
