import { Hono } from 'hono';
import * as v from 'valibot';
import type { EdgeEnv } from '../access.ts';
import { describe } from '../openapi.ts';

const answerSchema = v.looseObject({ openapi: v.string(), paths: v.looseObject({}) });

/** `GET /openapi.json`: this API described (OpenAPI 3.1), generated from its own routes when first asked for. */
export function documentRoutes(generate: () => Promise<object>) {
  let document: Promise<object> | undefined;
  const description = describe({
    summary: 'This document',
    tag: 'service',
    status: 200,
    answer: answerSchema,
    failures: [],
  });
  return new Hono<EdgeEnv>().get('/openapi.json', description, async (c) => {
    document ??= generate();
    return c.json(await document, 200);
  });
}
