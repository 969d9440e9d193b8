/**
 * Starts a Redis and a PostgreSQL, prints `{"ready": [pids…]}`, then does what it was told: `throw` an error
 * that nobody catches, or `wait` for a signal. The directory for PostgreSQL, if any, is the second argument.
 */
import { startPostgres } from '../../local/servers/postgres.ts';
import { startRedis } from '../../local/servers/redis.ts';

const [ending, dir] = process.argv.slice(2);
const [redis, postgres] = await Promise.all([startRedis(), startPostgres({ dir })]);
console.log(JSON.stringify({ ready: [redis.pid, postgres.pid] }));
if (ending === 'throw') throw new Error('nobody catches this');
setInterval(() => undefined, 1_000);
