import { describe } from '../../shared/testing/suite.ts';
import { faults } from './relay-faults.ts';
import { handshakes } from './relay-handshakes.ts';
import type { RelayUnderTest } from './relay-kit.ts';
import { messages } from './relay-messages.ts';
import { refusals } from './relay-refusals.ts';

/** How to get an edge under test; started once for each group of tests. */
export interface RelayStarter {
  start(): Promise<RelayUnderTest & { stop(): Promise<void> }>;
}

/** What every way of passing sockets through must do. */
export function relayContract(where: string, { start }: RelayStarter): void {
  const groups = { messages, handshakes, refusals, faults };
  for (const [name, define] of Object.entries(groups))
    describe(`Pass-through of sockets ${where}: ${name}`, (suite) => {
      let edge: Awaited<ReturnType<typeof start>>;
      suite.before(async () => {
        edge = await start();
      });
      suite.after(() => edge?.stop());
      define(suite, () => edge);
    });
}
