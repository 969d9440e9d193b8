import { list } from '../../shared/env.ts';

/** Real services to be used instead of local ones. */
export interface Given {
  readonly relayUrl?: string;
  readonly state?: { readonly url: string; readonly token: string };
  readonly databaseUrl?: string;
  /** Web origins whose pages may call and open sockets, besides the edge's own. */
  readonly webOrigins: readonly string[];
  /** `HUSHWIRE_ORIGIN_` variables that are the user's to set. */
  readonly originEnv: Readonly<Record<string, string>>;
  /** More `HUSHWIRE_EDGE_` variables. */
  readonly edgeEnv?: Readonly<Record<string, string>>;
}

const OWN_WEB_ORIGINS = list('HUSHWIRE_WEB_ORIGINS', {
  about: 'web origins of your own pages',
  fallback: '',
});
const PASSED_ON = new Set([
  'HUSHWIRE_ORIGIN_DATABASE_POOL_MAX',
  'HUSHWIRE_ORIGIN_DATABASE_PREPARE',
  'HUSHWIRE_ORIGIN_LOG_RETENTION_HOURS',
]);

/** What `npm start` takes from the environment, for its help text. */
export const GIVEN_HELP = `  HUSHWIRE_RELAY_URL or REDIS_URL    your own Redis 7 or newer, instead of a local one;
                                     nodes of a Cluster separated by commas
  UPSTASH_REDIS_REST_URL and _TOKEN  your own state Redis, instead of a local endpoint
  DATABASE_URL                       your own Postgres, instead of a local one
  HUSHWIRE_WEB_ORIGINS               web origins of your own pages, separated by commas
  HUSHWIRE_REDIS_SERVER              the Redis or Valkey program to run
  ${[...PASSED_ON].join('\n  ')}
                                     as in the origin's own configuration`;

/** Reads it; throws an Error in plain words for what cannot be meant. */
export function readGiven(env: NodeJS.ProcessEnv): Given {
  const relayUrl = env.HUSHWIRE_RELAY_URL || env.REDIS_URL;
  const databaseUrl = env.DATABASE_URL || undefined;
  const state = readState(env);
  refuseForeign(env);
  if (relayUrl?.includes(',') && state === undefined)
    throw new Error('A Redis Cluster can be the relay only: set UPSTASH_REDIS_REST_URL as well');
  return {
    ...(relayUrl ? { relayUrl } : {}),
    ...(databaseUrl ? { databaseUrl } : {}),
    ...(state ? { state } : {}),
    webOrigins: OWN_WEB_ORIGINS.parse(env.HUSHWIRE_WEB_ORIGINS ?? ''),
    originEnv: Object.fromEntries(
      Object.entries(env).filter(
        (entry): entry is [string, string] => PASSED_ON.has(entry[0]) && entry[1] !== undefined,
      ),
    ),
  };
}

function readState({
  UPSTASH_REDIS_REST_URL: url,
  UPSTASH_REDIS_REST_TOKEN: token,
}: NodeJS.ProcessEnv): Given['state'] {
  if (!url && !token) return undefined;
  if (!url || !token)
    throw new Error(
      'UPSTASH_REDIS_REST_URL and UPSTASH_REDIS_REST_TOKEN go together, and only one of them is set',
    );
  return { url, token };
}

/** Ignoring a variable that somebody set on purpose would look like obeying it. */
function refuseForeign(env: NodeJS.ProcessEnv): void {
  const foreign = Object.keys(env).filter(
    (name) => /^HUSHWIRE_(EDGE|ORIGIN)_/.test(name) && !PASSED_ON.has(name),
  );
  if (foreign.length > 0)
    throw new Error(
      `The local stack sets ${foreign.join(', ')} itself; unset it, or start the parts by hand`,
    );
}
