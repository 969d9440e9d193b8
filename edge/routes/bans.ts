import { Hono } from 'hono';
import * as v from 'valibot';
import { Failure } from '../../shared/failure.ts';
import type { Tag } from '../../shared/frame.ts';
import type { BanRow } from '../../shared/internal/bans.ts';
import type { Verifier } from '../../shared/token.ts';
import { type Caller, type CallerEnv, requireCaller } from '../access.ts';
import type { BanTags } from '../bans.ts';
import { jsonBody, queryParameters, requireJson } from '../body.ts';
import { dayOf } from '../days.ts';
import { endedMarks } from '../endings.ts';
import type { Lookup } from '../lookup.ts';
import { describe } from '../openapi.ts';
import type { Operators } from '../operators.ts';
import type { Clock, OriginApi, State } from '../ports.ts';
import type { Records } from '../records.ts';
import { banListSchema, banOrderSchema, liftOrderSchema, tagSchema } from '../schemas.ts';
import { requireLive } from '../session.ts';
import { checkStepUp } from '../step-up.ts';
import type { Tags } from '../tags.ts';
import type { Throttle } from '../throttle.ts';
import { wantCaller, wantTotp } from '../wants.ts';

const doneAnswer = v.strictObject({});
const listQuery = v.strictObject({ after: v.exactOptional(tagSchema) });
export interface BanRouteParts {
  readonly operators: Operators;
  readonly verifier: Verifier;
  readonly throttle: Throttle;
  readonly lookup: Lookup;
  readonly origin: OriginApi;
  readonly state: State;
  readonly tags: Tags;
  readonly banTags: BanTags;
  readonly records: Records;
  readonly clock: Clock;
}

/** Bans from the whole service, which operators place: no sign-in any more, and every session ends. */
export function banRoutes(parts: BanRouteParts) {
  const asked = (c: { get(name: 'caller'): Caller; get(name: 'requestId'): string }): Asked => ({
    caller: c.get('caller'),
    requestId: c.get('requestId'),
    parts,
  });
  return new Hono<CallerEnv>()
    .post(
      '/v1/bans',
      describeChange(
        'Ban people from the service',
        'Up to 50 at once, all or nobody. Their sessions end, their live connections close within two seconds, and they can ' +
          'sign in no more while the ban lasts. Whoever is banned already gets the new last day.',
      ),
      requireJson,
      requireCaller(parts),
      jsonBody(banOrderSchema),
      async (c) => {
        await ban(c.req.valid('json'), asked(c));
        return c.json({}, 200);
      },
    )
    .post(
      '/v1/bans/lift',
      describeChange('Lift bans from the service', 'Up to 50 at once. They may sign in again.'),
      requireJson,
      requireCaller(parts),
      jsonBody(liftOrderSchema),
      async (c) => {
        await lift(c.req.valid('json').userIds, asked(c));
        return c.json({}, 200);
      },
    )
    .get(
      '/v1/bans',
      describe({
        summary: 'List the bans from the service',
        description:
          'For operators: statements, which only moderators can open, and last days; up to 200 at once.',
        tag: 'identity',
        needsCaller: true,
        status: 200,
        answer: banListSchema,
        failures: ['session_ended', 'forbidden', 'step_up_required', 'bad_request'],
      }),
      requireCaller(parts),
      queryParameters(listQuery),
      async (c) => c.json(await list(c.req.valid('query').after, asked(c)), 200),
    );
}

interface Asked {
  readonly caller: Caller;
  readonly requestId: string;
  readonly parts: BanRouteParts;
}

function describeChange(summary: string, description: string) {
  return describe({
    summary,
    description: `For operators, whom the configuration names. Needs a step-up where there is a second factor. ${description}`,
    tag: 'identity',
    needsCaller: true,
    takesBody: true,
    status: 200,
    answer: doneAnswer,
    failures: ['session_ended', 'forbidden', 'conflict', 'step_up_required', 'bad_request'],
  });
}

/**
 * The sessions are looked up beside the caller's own records, so that their marks can be put beside the write: two trips. One
 * that was opened in between is told by the write, and marked after it. A repeat ends the same ones again.
 */
async function ban(
  { userIds, until, statement }: v.InferOutput<typeof banOrderSchema>,
  asked: Asked,
): Promise<void> {
  const { caller, requestId, parts } = asked;
  const { origin, state, tags, banTags, operators, clock } = parts;
  operators.requireOperator(caller);
  if (until !== undefined && until < dayOf(clock.now()))
    throw new Failure('bad_request', { detail: 'The last day of the ban has passed' });
  if (userIds.some((userId) => operators.isOperator(userId)))
    throw new Failure('conflict', {
      detail: 'Operators are named by configuration, and taken out there first',
    });
  const accounts = await Promise.all(userIds.map((userId) => tags.account(userId)));
  const wants = await wantOperator(asked);
  const [known] = await Promise.all([
    Promise.all(accounts.map((account) => origin.belongings(account, requestId))),
    requireOperator(wants, asked),
  ]);
  const sessions = known.flatMap((belongings) => Object.keys(belongings.sessions));
  const bans = await Promise.all(
    userIds.map(
      async (userId): Promise<BanRow> => ({
        ...(await banTags.place(userId)),
        statement: statement ?? null,
        expiresOn: until ?? null,
      }),
    ),
  );
  const former = (await Promise.all(userIds.map((userId) => banTags.former(userId)))).flat();
  const marksOf = (ended: readonly Tag[]) =>
    endedMarks({ sessions: ended, devices: [], accounts: [] }, parts);
  const marks = await marksOf(sessions);
  const [changed] = await Promise.all([
    origin.placeBans({ accounts, bans, lifted: former }, requestId),
    state.put(marks),
  ]);
  const unmarked = changed.sessions.filter((session) => !sessions.includes(session));
  if (unmarked.length > 0) await state.put(await marksOf(unmarked));
}

async function lift(userIds: readonly string[], asked: Asked): Promise<void> {
  const { origin, banTags } = asked.parts;
  asked.parts.operators.requireOperator(asked.caller);
  await requireOperator(await wantOperator(asked), asked);
  const lifted = (await Promise.all(userIds.map((userId) => banTags.all(userId)))).flat();
  await origin.placeBans({ accounts: [], bans: [], lifted }, asked.requestId);
}

async function list(after: string | undefined, asked: Asked) {
  asked.parts.operators.requireOperator(asked.caller);
  await requireOperator(await wantOperator(asked), asked);
  const page = await asked.parts.origin.listBans({ after: after ?? '' }, asked.requestId);
  return {
    bans: page.bans.map(({ ban: tag, statement, expiresOn }) => ({
      ban: tag,
      ...(statement === null ? {} : { statement }),
      ...(expiresOn === null ? {} : { until: expiresOn }),
    })),
    isWhole: page.isWhole,
  } satisfies v.InferOutput<typeof banListSchema>;
}

async function wantOperator({ caller, parts: { tags } }: Asked) {
  return { ...(await wantCaller(tags, caller)), totp: await wantTotp(tags, caller.userId) };
}

/** The session lives, and the second factor was shown a moment ago where there is one: one trip. */
async function requireOperator(
  wants: Awaited<ReturnType<typeof wantOperator>>,
  { caller, requestId, parts }: Asked,
): Promise<void> {
  const finds = await parts.lookup.inOrigin(wants, requestId);
  requireLive(finds, parts.clock.now());
  checkStepUp(caller, finds.totp);
}
