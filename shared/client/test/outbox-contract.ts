import { randomId } from '../../bytes.ts';
import type { KeptMessage, OutboxStore } from '../outbox-store.ts';

/** What `load` gave, step by step, with messages named as they were put. */
export type Loads = readonly (readonly string[])[];

/** What every OutboxStore gives when `exerciseOutbox` has its way with it. */
export const EXPECTED_LOADS: Loads = [
  [],
  ['c=1', 'b=1', 'a=1'],
  ['c=1', 'b=2', 'a=1'],
  ['c=1', 'a=1'],
  ['c=1', 'a=1', 'd=1'],
  ['d=1'],
];

/**
 * Puts, replaces and removes; `reopen` opens the store as a new process would. Uses nothing of one runtime, so that a page
 * can run it too.
 */
export async function exerciseOutbox(reopen: () => OutboxStore): Promise<Loads> {
  const ids = new Map(['a', 'b', 'c', 'd'].map((name) => [name, randomId()]));
  const idOf = (name: string) => ids.get(name) ?? '';
  const message = (name: string, data: string) => ({ channelId: 'one', id: idOf(name), data });
  const nameOf = ({ channelId, id, data }: KeptMessage) =>
    channelId === 'one' ? `${[...ids].find(([, known]) => known === id)?.[0]}=${data}` : channelId;
  const load = async () => (await reopen().load()).map(nameOf);

  const loads = [await load()];
  const store = reopen();
  for (const name of ['c', 'b', 'a']) await store.put(message(name, '1'));
  loads.push(await load());
  await store.put(message('b', '2'));
  loads.push(await load());
  await store.remove(idOf('b'));
  await store.remove(randomId());
  loads.push(await load());
  await reopen().put(message('d', '1'));
  loads.push(await load());
  const last = reopen();
  await Promise.all([last.remove(idOf('a')), last.remove(idOf('c'))]);
  loads.push(await load());
  return loads;
}
