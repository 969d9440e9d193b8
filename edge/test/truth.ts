import { mismatches, type Schema } from './json-schema.ts';

/** The parts of an OpenAPI document that say what may be answered. */
export interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}
export interface Operation {
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { schema: Schema }>> }>
  >;
  readonly requestBody?: { readonly content: Readonly<Record<string, { schema: Schema }>> };
}

/** Statuses any request may get that never reaches an operation. */
const OUTSIDE = new Set([404, 405]);

/** Throws unless the document says that this method and path may answer like this. */
export async function assertTold(
  document: OpenApi,
  asked: { method: string; url: string },
  response: Response,
) {
  const { pathname } = new URL(asked.url);
  const method = asked.method === 'HEAD' ? 'GET' : asked.method;
  const path = Object.keys(document.paths).find((candidate) => matches(candidate, pathname));
  const operation = path === undefined ? undefined : document.paths[path]?.[method.toLowerCase()];
  const what = `${asked.method} ${path ?? pathname} answered ${response.status}`;
  if (operation === undefined) {
    if (OUTSIDE.has(response.status) || method === 'OPTIONS' || response.status === 403) return;
    throw new Error(`${what}, but no such operation is described`);
  }
  const told = operation.responses[response.status];
  if (told === undefined)
    throw new Error(`${what}, which is not described: ${await response.clone().text()}`);
  const type = response.headers.get('content-type')?.split(';')[0] ?? '';
  const schema = told.content?.[type]?.schema;
  if (schema === undefined) throw new Error(`${what} as "${type}", which is not described`);
  if (asked.method === 'HEAD') return;
  const faults = mismatches(schema, await response.clone().json());
  if (faults.length > 0) throw new Error(`${what} with another shape: ${faults.join('; ')}`);
}

function matches(template: string, pathname: string): boolean {
  const wanted = template.split('/');
  const got = pathname.split('/');
  return (
    wanted.length === got.length &&
    wanted.every((part, i) => part === got[i] || (part.startsWith('{') && got[i] !== ''))
  );
}
