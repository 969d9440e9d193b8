/**
 * Entry: a state Redis with the REST protocol of Upstash, for stacks that hold everything themselves. One Redis behind it, one
 * token in front; the same code that `npm start` runs, held to the contract of the edge's adapter.
 */
import { readFileSync } from 'node:fs';
import { createAdaptorServer } from '@hono/node-server';
import { connectCommands } from '../local/upstash/commands.ts';
import { createRest } from '../local/upstash/rest.ts';

const { STATE_REDIS_URL: redisUrl, STATE_TOKEN_FILE: tokenFile, STATE_PORT: port = '8079' } = process.env;
if (!redisUrl || !tokenFile) {
  console.error(
    'STATE_REDIS_URL and STATE_TOKEN_FILE are not both set; wanted: the Redis, and a file with the token',
  );
  process.exit(1);
}
const commands = await connectCommands(redisUrl);
const rest = createRest({ token: readFileSync(tokenFile, 'utf8').trim(), commands });
const server = createAdaptorServer({
  fetch: (request) => (new URL(request.url).pathname === '/livez' ? answer() : rest.fetch(request)),
});
server.listen(Number(port), '0.0.0.0', () => console.log(`listening on port ${port}`));

for (const signal of ['SIGTERM', 'SIGINT'] as const)
  process.once(signal, () => {
    server.close(() => process.exit(0));
    commands.close();
  });

/** Well while its Redis answers. */
async function answer(): Promise<Response> {
  const isThere = await commands.one(['PING']).then(
    () => true,
    () => false,
  );
  return new Response(null, { status: isThere ? 204 : 503 });
}
