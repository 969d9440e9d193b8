/** The account, its devices and its second factor. */
import { addAbortSignal } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { fileStores } from '../../../shared/client/adapters/file-stores.ts';
import { askToJoin, type JoinRequest } from '../../../shared/client/join.ts';
import { loadIdentity } from '../../../shared/client/mls/packages.ts';
import { Failure, isFailure } from '../../../shared/failure.ts';
import type { FailureCode } from '../../../shared/failures.ts';
import type { Account } from '../account.ts';
import { type Command, type Given, UsageError } from '../command.ts';
import { edgeIn, keepEdge } from '../home.ts';
import { linesOf, textOf } from '../lines.ts';
import { confirm, showEnrolment, shownBy } from '../second-factor.ts';

/** Between two looks whether somebody has agreed. */
const JOIN_PAUSE_MS = 200;

/** What a channel answers to whoever is not in it any more. */
const OUTSIDE: readonly FailureCode[] = ['not_a_member', 'forbidden', 'not_subscribed'];

const signUp: Command = {
  name: 'sign-up',
  takes: '',
  about:
    'Makes an account, with this directory as its first device. A repeat after a failure goes on where it was.',
  options: { invitation: { value: '<code>', about: 'where the service lets only the invited in' } },
  run: async (given) => {
    const { home, values } = given;
    if ((await edgeIn(home)) !== undefined) throw new Error(`There is an account in ${home} already`);
    const edge = await given.edge();
    const { invitation } = values;
    const account = await given.begin(invitation === undefined ? {} : { invitation });
    await keepEdge(home, edge);
    await tellWho(given, account, edge);
  },
};

const signIn: Command = {
  name: 'sign-in',
  takes: '',
  about: `Signs the account of this directory in and tells who it is. With --user, makes the directory another device of
that account: prints a request, which "devices add" on a device of the account takes within a minute, and waits for that.`,
  options: { user: { value: '<user>', about: 'the account to join; only for a directory without one' } },
  run: async (given) => {
    const { home, values } = given;
    const own = await edgeIn(home);
    if (values.user !== undefined && own !== undefined)
      throw new Error(`There is an account in ${home} already`);
    const account = values.user === undefined ? await given.open() : await join(given, values.user);
    const edge = await given.edge();
    await keepEdge(home, edge);
    await tellWho(given, account, edge);
  },
};

const signOut: Command = {
  name: 'sign-out',
  takes: '',
  about: 'Ends the session: the next command signs in again, with the second factor if there is one.',
  run: async ({ open }) => (await open()).messenger.client.account.signOut(),
};

const devices: Command = {
  name: 'devices',
  takes: '',
  about: 'Lists the devices of the account.',
  run: async ({ open, output }) => {
    const { client } = (await open()).messenger;
    for (const { deviceId, isCurrent } of await client.account.devices())
      await output.tell(`${deviceId}${isCurrent ? '  this one' : ''}`, { deviceId, isCurrent });
  },
};

const addDevice: Command = {
  name: 'devices add',
  takes: '[<request>]',
  about:
    'Lets a device in that printed this request with "sign-in --user", and brings it into every channel.',
  run: async ({ open, output, args, stdin, signal }) => {
    const request = readRequest(args[0] ?? (await textOf(stdin)));
    const account = await open();
    await account.messenger.client.keys.addDevice(request);
    await refreshAll(account, signal);
    output.note('The device is one of the account.');
  },
};

const removeDevice: Command = {
  name: 'devices remove',
  takes: '<device>',
  about: 'Takes a device off the account, and out of every channel.',
  run: async ({ open, args, signal }) => {
    const account = await open();
    await account.messenger.client.keys.removeDevice(args[0] ?? '');
    await refreshAll(account, signal);
  },
};

const totp: Command = {
  name: 'totp',
  takes: '',
  about: `Sets a second factor up: shows the secret, as QR code and URI, for an authenticator, reads a code of it from the
standard input, turns it on and shows ten recovery codes, this once.`,
  run: async ({ open, output, stdin, signal }) => {
    const { totp: factor } = (await open()).messenger.client.account;
    await showEnrolment(factor, output);
    output.note('A code of the authenticator:');
    const { value: code } = await linesOf(addAbortSignal(signal, stdin)).next();
    if (typeof code !== 'string') throw new UsageError('A code is wanted on the standard input');
    await confirm(factor, code.replaceAll(' ', ''), output);
  },
};

const totpOff: Command = {
  name: 'totp off',
  takes: '',
  about: 'Removes the second factor and its recovery codes; needs --totp or --recovery-code.',
  run: async ({ open, values }) => {
    const { totp: factor } = (await open()).messenger.client.account;
    try {
      await factor.disable();
    } catch (error) {
      const shown = shownBy(values);
      if (!isFailure(error, 'step_up_required') || shown === undefined) throw error;
      await factor.stepUp(shown);
      await factor.disable();
    }
  },
};

export const ACCOUNT: readonly Command[] = [
  signUp,
  signIn,
  signOut,
  devices,
  addDevice,
  removeDevice,
  totp,
  totpOff,
];

async function tellWho({ output }: Given, { messenger }: Account, edge: string): Promise<void> {
  const { userId, client } = messenger;
  const { deviceId, state } = client;
  const node = state.state === 'online' ? state.node : undefined;
  await output.tell(`user ${userId}\ndevice ${deviceId}\nedge ${edge}`, { userId, deviceId, edge, node });
}

/** Asks to join, and signs in once a device of the account has agreed. */
async function join({ home, edge, output, claim, begin, signal }: Given, userId: string): Promise<Account> {
  await claim();
  const { store, groups } = await fileStores(home);
  const { publicKey: identityKey } = await loadIdentity(groups);
  const request = await askToJoin({ edge: await edge(), userId, identityKey, store });
  await output.tell(JSON.stringify(request), { ...request });
  output.note('Hand this to "devices add" on a device of the account, within a minute.');
  for (;;) {
    try {
      return await begin();
    } catch (error) {
      const isEarly = isFailure(error, 'credentials_refused') || isFailure(error, 'forbidden');
      if (!isEarly) throw error;
      await pause(JOIN_PAUSE_MS, undefined, { signal });
    }
  }
}

function readRequest(text: string): JoinRequest {
  try {
    const { publicKey, identityKey, assertion } = JSON.parse(text) as JoinRequest;
    if (typeof publicKey === 'object' && typeof identityKey === 'string' && typeof assertion === 'string')
      return { publicKey, identityKey, assertion };
  } catch {
    // told below, in the same words
  }
  throw new UsageError('This is no request of "sign-in --user"');
}

/** Brings every channel to the devices that key logs name; those this account is no longer in stay as they are. */
async function refreshAll(account: Account, signal: AbortSignal): Promise<void> {
  for (const channelId of await account.messenger.channels.list()) {
    try {
      const channel = await account.channel(channelId, signal);
      await onceOffered(() => channel.refresh(), signal);
    } catch (error) {
      const isOut = error instanceof Failure && OUTSIDE.includes(error.code);
      if (!isOut) throw error;
    }
  }
}

/** A device that has just joined may not have brought its key packages yet. */
async function onceOffered(attempt: () => Promise<void>, signal: AbortSignal): Promise<void> {
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (!isFailure(error, 'unavailable')) throw error;
      await pause(JOIN_PAUSE_MS, undefined, { signal });
    }
  }
}
