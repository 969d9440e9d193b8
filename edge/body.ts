import { bodyLimit } from 'hono/body-limit';
import { createMiddleware } from 'hono/factory';
import { validator } from 'hono-openapi';
import type { GenericSchema } from 'valibot';
import { Failure } from '../shared/failure.ts';
import { LIMITS } from '../shared/limits.ts';

const JSON_TYPE = /^application\/json\s*(?:;\s*charset\s*=\s*"?utf-8"?\s*)?$/i;

/** Lets only JSON bodies of at most 64 KiB pass: `unsupported_media_type`, `payload_too_large`. */
export const requireJson = requireJsonOf(LIMITS.bodyBytes);

/** The same up to another size. */
export function requireJsonOf(maxSize: number) {
  const limit = bodyLimit({
    maxSize,
    onError: () => {
      throw new Failure('payload_too_large');
    },
  });
  return createMiddleware(async (c, next) => {
    if (!JSON_TYPE.test(c.req.header('content-type') ?? '')) throw new Failure('unsupported_media_type');
    return limit(c, next);
  });
}

/** Reads the body by a strict schema; throws `bad_request` naming the field. */
export function jsonBody<S extends GenericSchema>(schema: S) {
  return validator('json', schema, (result) => {
    if (!result.success) throw refusal(result.error);
  });
}

/** Reads the path's parameters by a strict schema; throws `bad_request`. */
export function pathParameters<S extends GenericSchema>(schema: S) {
  return validator('param', schema, (result) => {
    if (!result.success) throw refusal(result.error);
  });
}

/** Reads the query by a strict schema; throws `bad_request`. */
export function queryParameters<S extends GenericSchema>(schema: S) {
  return validator('query', schema, (result) => {
    if (!result.success) throw refusal(result.error);
  });
}

interface Issue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** Names a field only when it is one of ours: the name of an unknown one is the sender's text. */
function refusal(issues: readonly Issue[]): Failure {
  const [first] = issues;
  if (first === undefined || isUnknownField(first))
    return new Failure('bad_request', { detail: 'Unknown field' });
  const path = (first.path ?? []).map((item) => String(typeof item === 'object' ? item.key : item)).join('.');
  return new Failure('bad_request', {
    detail: path === '' ? 'Not an object' : `Malformed or missing: ${path}`,
  });
}

/** valibot's issue for a field the schema does not know. */
function isUnknownField(issue: object): boolean {
  return 'expected' in issue && issue.expected === 'never';
}
