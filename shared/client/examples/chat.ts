import { type Attachment, openAttachment, sealAttachment } from '../attachment.ts';
import { createAccount, type MessengerOptions } from '../mls/messenger.ts';
import type { SecureMessage } from '../mls/secure-message.ts';

/** What two accounts of one program heard. */
export interface Chat {
  readonly heard: readonly string[];
  /** Content of the file that was sent. */
  readonly file: string;
}

/** Two accounts, a channel, a message each way, and a file. Runs unchanged in browsers, Node and Deno. */
export async function chat(options: MessengerOptions): Promise<Chat> {
  const [ann, ben] = await Promise.all([createAccount(options), createAccount(options)]);
  try {
    const inAnn = await ann.channels.create([ben.userId]);
    const inBen = await ben.channels.join(inAnn.channelId);
    const [toAnn, toBen] = [inAnn.messages(), inBen.messages()];

    await inAnn.send('hello');
    const first = await next(toBen);
    await inBen.send(`you said ${first.text()}`);
    const second = await next(toAnn);

    const files = new Map<string, Uint8Array>();
    const upload = async (ciphertext: Uint8Array) => {
      const url = `memory:${files.size}`;
      files.set(url, ciphertext);
      return url;
    };
    const content = new TextEncoder().encode('a file');
    await inAnn.send(JSON.stringify(await sealAttachment(content, { upload, name: 'file.txt' })));
    const reference = JSON.parse((await next(toBen)).text()) as Attachment; // Checked by openAttachment.
    const file = await openAttachment(reference, async (url) => files.get(url) ?? new Uint8Array());
    return { heard: [first.text(), second.text()], file: new TextDecoder().decode(file) };
  } finally {
    ann.close();
    ben.close();
  }
}

async function next(messages: AsyncIterator<SecureMessage>): Promise<SecureMessage> {
  const { value, done } = await messages.next();
  if (done === true) throw new Error('The channel ended');
  return value;
}
