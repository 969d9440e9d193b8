/**
 * What every edge must do, whatever it runs on, given only its URL. Semantics that need a clock or a broken store are
 * tested on the app itself; this is about the whole way, and about what comes over a real wire.
 */
import { describe } from '../../shared/testing/suite.ts';
import { Client } from './client.ts';
import { credentialsContract } from './contract-credentials.ts';
import { endingsContract } from './contract-endings.ts';
import { listenerContract } from './contract-listener.ts';
import { platformContract } from './contract-platform.ts';
import { wayContract } from './contract-way.ts';
import { wireContract } from './contract-wire.ts';

export interface EdgeUnderTest {
  readonly url: string;
  stop(): Promise<void>;
}

const TIMEOUT_MS = 30_000;

export function edgeContract(
  where: string,
  start: () => Promise<EdgeUnderTest>,
  { listener }: { readonly listener: 'ours' | 'the platform’s' },
): void {
  describe(
    `Edge ${where}`,
    (suite) => {
      let edge: EdgeUnderTest;
      let client: Client;
      suite.before(async () => {
        edge = await start();
        client = new Client({ baseUrl: edge.url, send: (request) => fetch(request) });
      });
      suite.after(() => edge?.stop());
      const get = () => client;
      wayContract(suite, get);
      credentialsContract(suite, get);
      wireContract(suite, get);
      endingsContract(suite, get);
      if (listener === 'ours') listenerContract(suite, get);
      else platformContract(suite, get);
    },
    TIMEOUT_MS,
  );
}
