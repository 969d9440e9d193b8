/** Saying and hearing. */
import { addAbortSignal, type Readable } from 'node:stream';
import type { SecureChannel } from '../../../shared/client/mls/secure-channel.ts';
import type { Account } from '../account.ts';
import { type Command, type Given, UsageError } from '../command.ts';
import { linesOf, textOf } from '../lines.ts';
import { printable } from '../output.ts';

/** Messages of a pipe that may wait for their answer: what a connection sends without waiting. */
const WINDOW = 64;
const COUNT_MAX = 1_000_000;
const WHOLE = { about: 'takes the standard input as one message, not a message per line' };

/** Of `send` and `publish`: a pipe has no end that is known. */
const isPiped = ({ length }: readonly string[]) => length < 2;

const send: Command = {
  name: 'send',
  takes: '<user> [<text>]',
  about: 'Sends to one user, in the channel that only the two of you are in; makes it if there is none.',
  options: { whole: WHOLE },
  isEndless: isPiped,
  run: async (given) => {
    const { args, signal } = given;
    const account = await given.open();
    const [userId = '', text] = args;
    const known = await directChannel(account, userId);
    const channelId = known ?? (await account.messenger.channels.create([userId])).channelId;
    await publishAll(await account.channel(channelId, signal), given, text);
  },
};

const publish: Command = {
  name: 'publish',
  takes: '<channel> [<text>]',
  about: 'Publishes to a channel, and is done when the log has everything.',
  options: { whole: WHOLE },
  isEndless: isPiped,
  run: async (given) => {
    const { args, signal } = given;
    const [channelId = '', text] = args;
    const account = await given.open();
    await publishAll(await account.channel(channelId, signal), given, text);
  },
};

const listen: Command = {
  name: 'listen',
  takes: '[<channel>...]',
  about: `Prints what others say in these channels, or in all channels, also those this device is let into meanwhile: first what
came while nobody listened. What was printed is nowhere else.`,
  options: { count: { value: '<n>', about: 'ends after so many messages' } },
  isEndless: () => true,
  run: async (given) => {
    const { args, signal } = given;
    const count = readCount(given.values.count);
    const account = await given.open();
    const wanted = new Set(args);
    if (args.length > 0) await Promise.all(args.map((channelId) => account.channel(channelId, signal)));
    else await openAll(account, given);
    const isWanted = (channel: string) => args.length === 0 || wanted.has(channel);
    for (let printed = 0; printed < count; printed += 1)
      await printNext(account, given, { isWanted, signal });
  },
};

const talk: Command = {
  name: 'talk',
  takes: '<channel>',
  about: 'Publishes each line of the standard input and prints what others say, until the input ends.',
  isEndless: () => true,
  run: async (given) => {
    const { args, signal, output } = given;
    const [channelId = ''] = args;
    const account = await given.open();
    const channel = await account.channel(channelId, signal);
    const end = new AbortController();
    const here = { isWanted: (id: string) => id === channelId, signal: end.signal };
    const listening = (async () => {
      for (;;) await printNext(account, given, here);
    })();
    const published = publishAll(channel, { ...given, output: output.withoutResults() }, undefined);
    listening.catch(() => undefined); // Ended below, or told by the race.
    await Promise.race([published, listening]);
    end.abort();
  },
};

export const MESSAGES: readonly Command[] = [send, publish, listen, talk];

/** The channel whose group is this account and that user, the first by id, so that both find the same; undefined for none. */
async function directChannel({ messenger }: Account, userId: string): Promise<string | undefined> {
  for (const channelId of [...(await messenger.channels.list())].sort()) {
    const users = new Set((await messenger.channels.members(channelId)).map((device) => device.userId));
    if (users.size === 2 && users.has(userId) && users.has(messenger.userId)) return channelId;
  }
  return undefined;
}

async function openAll(account: Account, { output, signal }: Given): Promise<void> {
  const open = (channelId: string) =>
    account.channel(channelId, signal).then(
      () => undefined,
      (error: Error) => output.note(`${channelId}: ${error.message}`),
    );
  account.messenger.on('invited', ({ channelId }) => void open(channelId));
  for (const channelId of await account.messenger.channels.list()) await open(channelId);
}

/** The text, or each line of the input, in order; resolves when the log has them all. */
async function publishAll(
  channel: SecureChannel,
  { stdin, switches, signal, output }: Given,
  text: string | undefined,
): Promise<void> {
  const waiting = new Set<Promise<void>>();
  for await (const content of contents(stdin, { text, isWhole: switches.has('whole'), signal })) {
    const published = channel.send(content).then(async ({ id, position }) => {
      await output.tell(id, { type: 'published', channel: channel.channelId, id, ...position });
      waiting.delete(published);
    });
    waiting.add(published);
    published.catch(() => undefined); // Thrown by the race, or by the last wait.
    if (waiting.size >= WINDOW) await Promise.race(waiting);
  }
  await Promise.all(waiting);
}

async function* contents(
  stdin: Readable,
  { text, isWhole, signal }: { text: string | undefined; isWhole: boolean; signal: AbortSignal },
): AsyncGenerator<string> {
  if (text !== undefined) {
    yield text;
    return;
  }
  const input = addAbortSignal(signal, stdin);
  if (isWhole) yield await textOf(input);
  else yield* linesOf(input);
}

/** Waits for a message and prints it; one that could not be printed is unread still. */
async function printNext(
  { unread }: Account,
  { output }: Given,
  { isWanted, signal }: { isWanted: (channel: string) => boolean; signal: AbortSignal },
): Promise<void> {
  const message = await unread.next(isWanted, signal);
  const dropped = unread.takeDropped();
  if (dropped > 0)
    await output.tell(`(${dropped} older messages were dropped unread)`, { type: 'dropped', dropped });
  const { channel, userId, text, data, missing } = message;
  if (missing > 0 && !output.isJson) output.note(`${missing} messages of ${userId} did not come`);
  await output.tell(`${channel} ${userId}: ${text === undefined ? `(${data})` : printable(text)}`, {
    ...message,
  });
  unread.printed(message);
}

function readCount(text: string | undefined): number {
  if (text === undefined) return Number.POSITIVE_INFINITY;
  const count = Number(text);
  if (!/^\d+$/.test(text) || count < 1 || count > COUNT_MAX)
    throw new UsageError(`--count takes a whole number from 1 to ${COUNT_MAX}`);
  return count;
}
