/**
 * The Upstash REST interface over a real Redis, for local use, so that the edge speaks to the local stack exactly as
 * it speaks to the hosted service (Upstash, "REST API"). One command (`POST /`, or in the path), `/pipeline`,
 * `/multi-exec`; a bearer token on every route; `Upstash-Encoding: base64`. Its judge is `@upstash/redis` itself, in
 * `deploy/test/upstash.test.ts`. Publish/subscribe over HTTP is not here, and is refused by name.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { type Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { type Command, CommandRefused, type Commands, type Outcome, type Reply } from './commands.ts';

/** Largest request of the hosted service's free plan (Upstash, "Limits"). */
const BODY_MAX_BYTES = 1024 * 1024;
/** Most commands in one batch: far over what a request of that size needs, and a bound all the same. */
const BATCH_MAX = 1_000;

/** The HTTP application; every answer is JSON, `{result}`, `{error}` or a list of these. */
export function createRest({ token, commands }: { token: string; commands: Commands }): Hono {
  const app = new Hono();
  const wanted = digest(token);
  app.use('*', async (context, next) => {
    const header = context.req.header('authorization') ?? '';
    const came = /^Bearer (.*)$/i.exec(header)?.[1] ?? '';
    if (!timingSafeEqual(digest(came), wanted))
      return refuse(context, 401, 'WRONGPASS invalid or missing auth token');
    return next();
  });
  const tooLarge = (context: Context) => refuse(context, 413, 'ERR max request size exceeded');
  app.use('*', bodyLimit({ maxSize: BODY_MAX_BYTES, onError: tooLarge }));
  app.post('/pipeline', async (context) =>
    context.json(encodeAll(context, await commands.pipeline(await readBatch(context)))),
  );
  app.post('/multi-exec', async (context) =>
    context.json(encodeAll(context, await commands.transaction(await readBatch(context)))),
  );
  app.post('/', async (context) => answer(context, await commands.one(toCommand(await readJson(context)))));
  app.on(['GET', 'POST', 'PUT'], '/*', async (context) =>
    answer(context, await commands.one(await readPath(context))),
  );
  app.notFound((context) => refuse(context, 405, 'ERR method not allowed'));
  app.onError((error, context) =>
    error instanceof CommandRefused
      ? refuse(context, 400, error.message)
      : refuse(context, 503, 'ERR Redis is unreachable'),
  );
  return app;
}

/** Of equal length whatever came, so that the comparison tells neither content nor length. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function refuse(context: Context, status: 400 | 401 | 405 | 413 | 503, error: string): Response {
  return context.json({ error }, status);
}

function answer(context: Context, reply: Reply): Response {
  if (reply instanceof Error) return refuse(context, 400, reply.message);
  return context.json({ result: encode(reply, encoding(context)) });
}

function encodeAll(context: Context, outcomes: readonly Outcome[]): object[] {
  const how = encoding(context);
  return outcomes.map((outcome) => ('error' in outcome ? outcome : { result: encode(outcome.reply, how) }));
}

type Encoding = 'utf8' | 'base64';
type Encoded = string | number | null | readonly Encoded[];

function encoding(context: Context): Encoding {
  return context.req.header('upstash-encoding')?.toLowerCase() === 'base64' ? 'base64' : 'utf8';
}

/** A reply as JSON. In base64, a reply that is just "OK" stays as it is, but not one inside a list: clients expect that. */
function encode(reply: Reply, how: Encoding): Encoded {
  const isOk = (typeof reply === 'string' || Buffer.isBuffer(reply)) && reply.toString() === 'OK';
  return isOk ? 'OK' : encodeText(reply, how);
}

function encodeText(reply: Reply, how: Encoding): Encoded {
  if (reply === null || typeof reply === 'number') return reply;
  if (reply instanceof Error) return encodeText(reply.message, how);
  if (typeof reply === 'string' || Buffer.isBuffer(reply)) return Buffer.from(reply).toString(how);
  return reply.map((item) => encodeText(item, how));
}

async function readJson(context: Context): Promise<unknown> {
  try {
    return await context.req.json();
  } catch (cause) {
    throw new CommandRefused('ERR failed to parse the request body', { cause });
  }
}

async function readBatch(context: Context): Promise<readonly Command[]> {
  const body = await readJson(context);
  if (!Array.isArray(body) || body.length === 0) throw new CommandRefused('ERR empty pipeline request');
  if (body.length > BATCH_MAX) throw new CommandRefused(`ERR more than ${BATCH_MAX} commands in one request`);
  return body.map(toCommand);
}

function toCommand(value: unknown): Command {
  if (!Array.isArray(value)) throw new CommandRefused('ERR failed to parse command');
  const [name, ...args] = value.map(toArgument);
  if (name === undefined || name === '') throw new CommandRefused('ERR empty command');
  return [name, ...args];
}

/** Numbers, booleans and objects become the text JSON gives them; an absent value has none. */
function toArgument(value: unknown): string {
  if (value === null || value === undefined) throw new CommandRefused('ERR an argument is null');
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** `/set/name/value?EX=100`: the path's segments, then a body as one argument, then the query's names and values. */
async function readPath(context: Context): Promise<Command> {
  const { pathname, searchParams } = new URL(context.req.url);
  const words = pathname.split('/').slice(1).map(decode);
  const body = context.req.method === 'GET' ? '' : await context.req.text();
  const options = [...searchParams].flatMap(([name, value]) => (value === '' ? [name] : [name, value]));
  return toCommand([...words, ...(body === '' ? [] : [body]), ...options]);
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch (cause) {
    throw new CommandRefused('ERR malformed path', { cause });
  }
}
