/** How routes describe themselves, so that `/openapi.json` says what they do: one answer, and every failure by status. */
import { describeRoute, type GenerateSpecOptions, type ResponsesWithResolver, resolver } from 'hono-openapi';
import * as v from 'valibot';
import { FAILURES, type FailureCode } from '../shared/failures.ts';
import { PROBLEM_TYPE } from './problem.ts';

export interface RouteDescription {
  readonly summary: string;
  readonly description?: string;
  readonly tag: 'identity' | 'keys' | 'channels' | 'connecting' | 'service';
  /** Whether an access token is required; adds the failures that come with one. */
  readonly needsCaller?: true;
  /** Whether it takes a JSON body; adds the failures that come with one. */
  readonly takesBody?: true;
  readonly status: 200 | 201;
  readonly answer: v.GenericSchema;
  /** Failures of its own, besides those of every route. */
  readonly failures: readonly FailureCode[];
}

/** Any request may meet these. */
const ALWAYS: readonly FailureCode[] = ['origin_not_allowed', 'internal'];
/** Calls have budgets; the service's own pages have none. */
const WITH_BUDGET: readonly FailureCode[] = ['too_many_requests', 'unavailable'];
const WITH_BODY: readonly FailureCode[] = ['bad_request', 'unsupported_media_type', 'payload_too_large'];
const WITH_CALLER: readonly FailureCode[] = ['token_refused', 'second_factor_required'];
const RETRIES = ['now', 'backoff', 'new-ticket', 'never'] as const;

/** Middleware that does nothing but describe the route it stands in front of. */
export function describe(route: RouteDescription) {
  const codes = [
    ...ALWAYS,
    ...(route.tag === 'service' ? [] : WITH_BUDGET),
    ...(route.takesBody ? WITH_BODY : []),
    ...(route.needsCaller ? WITH_CALLER : []),
    ...route.failures,
  ];
  return describeRoute({
    summary: route.summary,
    tags: [route.tag],
    ...(route.description === undefined ? {} : { description: route.description }),
    security: route.needsCaller ? [{ accessToken: [] }] : [],
    responses: {
      [route.status]: {
        description: 'Done',
        content: { 'application/json': { schema: resolver(route.answer) } },
      },
      ...problemResponses(codes),
    },
  });
}

/** Problem details for each status that one of the codes answers with. */
export function problemResponses(codes: readonly FailureCode[]): ResponsesWithResolver {
  const byStatus = new Map<number, FailureCode[]>();
  for (const code of new Set(codes)) {
    const status = FAILURES[code].status ?? 500;
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return Object.fromEntries(
    [...byStatus].map(([status, group]) => [
      status,
      {
        description: group.map((code) => FAILURES[code].title).join(' · '),
        content: { [PROBLEM_TYPE]: { schema: resolver(problemSchema(status, group)) } },
      },
    ]),
  );
}

/** The document's own parts, and that it tells every path and nothing we have not written. */
export function documentOptions(publicUrl: string): Partial<GenerateSpecOptions> {
  return {
    documentation: {
      info: {
        title: 'Hushwire edge',
        version: '0.1.0',
        description:
          'Decides who gets in and where to. Every failure is problem details (RFC 9457) with `code`, `retry` and ' +
          '`requestId`.',
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      servers: [{ url: publicUrl }],
      components: {
        securitySchemes: { accessToken: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } },
      },
    },
    excludeStaticFile: false,
    defaultValidationErrorResponse: false,
  };
}

function problemSchema(status: number, codes: readonly FailureCode[]) {
  return v.strictObject({
    type: v.string(),
    title: v.string(),
    status: v.literal(status),
    code: v.picklist(codes),
    retry: v.picklist(RETRIES),
    requestId: v.string(),
    detail: v.optional(v.string()),
    retryAfterMs: v.optional(v.number()),
  });
}
