import { join } from 'node:path';
import { probe, summaryOf, tell } from '../../local/probe.ts';
import { type Command, UsageError } from '../command.ts';

const TIMEOUT_MS = 30_000;

/** What `npm run probe` does, for whoever uses the CLI. */
export const PROBE: Command = {
  name: 'probe',
  takes: '',
  about: `Signs in twice, on two nodes where there are two, sends messages across and tells how long they took. Uses two
accounts of its own, kept in probe.json.`,
  options: {
    messages: { value: '<n>', about: 'messages sent (default: 5)' },
    'max-ms': { value: '<n>', about: 'slowest delivery that still passes (default: 1000)' },
  },
  run: async ({ home, edge, claim, values, output }) => {
    await claim();
    const result = await probe({
      edge: await edge(),
      state: join(home, 'probe.json'),
      messages: count('--messages', values.messages ?? '5', 1_000),
      maxMs: count('--max-ms', values['max-ms'] ?? '1000', 60_000),
      timeoutMs: Number(values['timeout-s'] ?? TIMEOUT_MS / 1_000) * 1_000,
    });
    if (result.ok || output.isJson) await output.tell(tell(result), summaryOf(result));
    if (!result.ok) throw new Error(tell(result));
  },
};

function count(name: string, text: string, max: number): number {
  const number = Number(text);
  if (!/^\d+$/.test(text) || number < 1 || number > max)
    throw new UsageError(`${name} takes a whole number from 1 to ${max}`);
  return number;
}
