/**
 * The chat of chat-socket-io.ts over Hushwire. There is no server to write: the edge and its nodes are the same for every
 * app, know neither ann nor ben, and read nothing. Runs in browsers, Node and Deno.
 */
import { createAccount, type Messenger, type MessengerOptions } from '../mls/messenger.ts';
import type { ClientSocket, OpenSocket } from '../socket.ts';

/** What ann and ben went through, line by line. */
export async function chat(
  options: MessengerOptions & { readonly openSocket: OpenSocket },
): Promise<readonly string[]> {
  const network = cuttable(options.openSocket);
  const [ann, ben] = await Promise.all([
    createAccount(options),
    createAccount({ ...options, openSocket: network.openSocket }),
  ]);
  const lines: string[] = [];
  try {
    const inAnn = await ann.channels.create([ben.userId]);
    const inBen = await ben.channels.join(inAnn.channelId);

    inBen.on('message', (message) => lines.push(`ben hears: ${message.text()}`));
    const heard = event((listen) => inBen.on('message', listen));
    await inAnn.send('hello'); // Resolves when the log has it.
    await heard;

    const typing = event((listen) => inAnn.on('ephemeral', listen));
    await inBen.sendEphemeral('typing');
    await typing;
    lines.push('ann sees that ben types');

    const missed = event((listen) => inBen.on('message', listen));
    network.cut();
    await inAnn.send('while you were away');
    await missed;

    const out = event((listen) => ben.on('fault', listen));
    await ban(ann, { channelId: inAnn.channelId, userId: ben.userId });
    await out;
    lines.push('ben is out');
    await inBen.send('let me in').catch(() => lines.push('ben can say nothing more'));
    return lines;
  } finally {
    await Promise.all([ann.close(), ben.close()]);
  }
}

/** Out of the channel at the nodes, within two seconds, and out of the group, whose keys change. */
async function ban(
  by: Messenger,
  { channelId, userId }: { channelId: string; userId: string },
): Promise<void> {
  await by.client.moderation(channelId).ban({ userIds: [userId] });
  await (await by.channels.join(channelId)).remove(userId);
}

/** A network whose connections end when the example wants it. */
function cuttable(openSocket: OpenSocket): { openSocket: OpenSocket; cut(): void } {
  let newest: ClientSocket | undefined;
  return {
    openSocket: (url, protocols, events) => {
      newest = openSocket(url, protocols, events);
      return newest;
    },
    cut: () => newest?.destroy(),
  };
}

function event(on: (listen: () => void) => () => void): Promise<void> {
  return new Promise((resolve) => {
    const off = on(() => {
      off();
      resolve();
    });
  });
}
