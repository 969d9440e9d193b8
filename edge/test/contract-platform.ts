import * as assert from 'uvu/assert';
import type { Suite } from '../../shared/testing/suite.ts';
import type { Client } from './client.ts';
import { head } from './contract-wire.ts';
import { openRaw } from './raw-client.ts';

/**
 * Where the listener is the platform's, it and not the app judges bytes that are no good request, and says so in words of
 * its own. What is ours to show is that nothing of it reaches the app as something else, and that the app lives.
 */
export function platformContract({ test }: Suite, client: () => Client): void {
  const statusOf = async (text: string) => {
    const connection = await openRaw(Number(new URL(client().baseUrl).port), text);
    await Promise.race([connection.ended, connection.answer().catch(() => undefined)]);
    connection.socket.destroy();
    return Number(/^HTTP\/1\.1 (\d{3})/.exec(String(connection.received()))?.[1] ?? 0);
  };
  const isAlive = async () => assert.is((await client().call('/livez')).status, 200);

  test('takes longer headers than we would, and lives', async () => {
    assert.is(await statusOf(head('GET /livez', [`X-Large: ${'x'.repeat(20_000)}`])), 200);
    await isAlive();
  });

  test('lets nothing through that is no HTTP, or could be read in two ways, and lives', async () => {
    for (const text of [
      '\u0000\u0001\u0002\r\n\r\n',
      'GET\r\n\r\n',
      `${head('POST /v1/sessions', ['Content-Length: 4', 'Transfer-Encoding: chunked'])}0\r\n\r\n`,
      `${head('POST /v1/sessions', ['Content-Length: 4', 'Content-Length: 5'])}0\r\n\r\n`,
    ]) {
      const status = await statusOf(text);
      assert.not(status >= 200 && status < 400, `${JSON.stringify(text.slice(0, 40))} answered ${status}`);
    }
    await isAlive();
  });
}
