/**
 * The whole behaviour of the edge, from ports and configuration. Nothing here knows a runtime, a driver or an
 * environment; the same app runs wherever there is fetch and Web Crypto.
 */
import { Hono } from 'hono';
import { createMiddleware } from 'hono/factory';
import { matchedRoutes } from 'hono/route';
import { generateSpecs } from 'hono-openapi';
import { createSigner, createVerifier } from '../shared/token.ts';
import type { EdgeEnv } from './access.ts';
import { createBanTags } from './bans.ts';
import { createBelongings } from './belongings.ts';
import type { EdgeConfig } from './config.ts';
import { createDirectory } from './directory.ts';
import { createEndings } from './endings.ts';
import { createFranking } from './franking.ts';
import { createGate } from './gate.ts';
import { createLookup } from './lookup.ts';
import { documentOptions } from './openapi.ts';
import { createOperators } from './operators.ts';
import { createPackages } from './packages.ts';
import type { Clock, Observe, Ports, Random } from './ports.ts';
import { answerProblem } from './problem.ts';
import { createRecords } from './records.ts';
import { refuseUnknown } from './refuse.ts';
import { accountRoutes } from './routes/accounts.ts';
import { banRoutes } from './routes/bans.ts';
import { belongingRoutes } from './routes/belongings.ts';
import { blockRoutes } from './routes/blocks.ts';
import { channelInvitationRoutes } from './routes/channel-invitations.ts';
import { channelListRoutes } from './routes/channel-list.ts';
import { channelRoutes } from './routes/channels.ts';
import { connectRoutes } from './routes/connect.ts';
import { deviceRoutes } from './routes/devices.ts';
import { documentRoutes } from './routes/document.ts';
import { healthRoutes } from './routes/health.ts';
import { invitationRoutes } from './routes/invitations.ts';
import { jwksRoutes } from './routes/jwks.ts';
import { keyLogRoutes } from './routes/key-log.ts';
import { keyLookupRoutes } from './routes/key-lookup.ts';
import { keyPackageRoutes } from './routes/key-packages.ts';
import { mailboxRoutes } from './routes/mailboxes.ts';
import { moderationRoutes } from './routes/moderation.ts';
import { recoveryRoutes } from './routes/recovery.ts';
import { reportRoutes } from './routes/reports.ts';
import { serviceRoutes } from './routes/service.ts';
import { sessionRoutes } from './routes/sessions.ts';
import { signUpRoutes } from './routes/sign-up.ts';
import { socketRoutes } from './routes/socket.ts';
import { totpRoutes } from './routes/totp.ts';
import { webRoutes } from './routes/web.ts';
import { createSealer } from './seal.ts';
import { createSecondFactor } from './second-factor.ts';
import { createSignUpPolicy } from './sign-up.ts';
import { createTags } from './tags.ts';
import { createThrottle, holdWrites } from './throttle.ts';
import { throttleCalls } from './throttle-calls.ts';
import { allowOrigins, guardWebOrigins } from './web-origins.ts';

/** The part of the configuration the app is built from. */
export type AppConfig = Pick<
  EdgeConfig,
  | 'publicUrl'
  | 'signingKeys'
  | 'tagKey'
  | 'sealKeys'
  | 'banKeys'
  | 'frankingKeys'
  | 'webOrigins'
  | 'signUp'
  | 'oidcIssuer'
  | 'oidcClientId'
  | 'operators'
  | 'totpPolicy'
  | 'limitProfile'
>;

/** Builds the app. Rejects only when a key cannot be used. */
export async function createApp(ports: Ports, config: AppConfig): Promise<Hono<EdgeEnv>> {
  const throttle = createThrottle(ports.limiter);
  const held = { ...ports, origin: holdWrites(ports.origin, throttle) };
  const parts = { ...held, throttle, ...(await createParts(held, config)) };
  const app = new Hono<EdgeEnv>();
  app.onError((error, c) => answerProblem(c, error, ports.log));
  if (ports.observe !== undefined) app.use(observeAnswers(ports.observe, ports.clock));
  app.use(nameRequests(ports.random), guardWebOrigins(allowOrigins(config)));
  app.use('/v1/*', throttleCalls(parts));
  app.route('/', signUpRoutes(parts));
  app.route('/', accountRoutes(parts));
  app.route('/', invitationRoutes(parts));
  app.route('/', sessionRoutes(parts));
  app.route('/', totpRoutes(parts));
  app.route('/', deviceRoutes(parts));
  app.route('/', recoveryRoutes(parts));
  app.route('/', belongingRoutes(parts));
  app.route('/', blockRoutes(parts));
  app.route('/', channelListRoutes(parts));
  app.route('/', channelRoutes(parts));
  app.route('/', channelInvitationRoutes(parts));
  app.route('/', moderationRoutes(parts));
  app.route('/', banRoutes(parts));
  app.route('/', serviceRoutes(parts));
  app.route('/', reportRoutes(parts));
  app.route('/', connectRoutes(parts));
  app.route('/', socketRoutes());
  app.route('/', keyLogRoutes(parts));
  app.route('/', keyPackageRoutes(parts));
  const directory = createDirectory({ ...parts, packages: createPackages(parts) });
  app.route('/', keyLookupRoutes({ ...parts, directory }));
  app.route('/', mailboxRoutes(parts));
  app.route('/', jwksRoutes(parts.signer));
  app.route('/', healthRoutes(parts));
  app.route(
    '/',
    documentRoutes(() => generateSpecs(app, documentOptions(config.publicUrl))),
  );
  if (ports.web !== undefined) app.route('/', webRoutes({ ...parts, web: ports.web }));
  app.notFound(refuseUnknown(app));
  return app;
}

async function createParts(ports: Ports, config: AppConfig) {
  const { publicUrl, totpPolicy, limitProfile, signUp, oidcIssuer, oidcClientId } = config;
  const tags = await createTags(config.tagKey.bytes.reveal());
  const banTags = await createBanTags(config.banKeys.length === 0 ? [config.tagKey] : config.banKeys);
  const franking = await createFranking(config.frankingKeys.map((key) => key.reveal()));
  const records = createRecords(await createSealer(config.sealKeys));
  const signer = await createSigner(publicUrl, config.signingKeys.reveal());
  const verifier = createVerifier(publicUrl, signer.publicKeys);
  const lookup = createLookup({ ...ports, records });
  const belongings = createBelongings({ ...ports, records });
  const endings = createEndings({ ...ports, tags, records });
  const gate = await createGate({ ...ports, audience: publicUrl, lookup, tags });
  const secondFactor = createSecondFactor({ ...ports, lookup, records, tags });
  const operators = await createOperators(config.operators, tags);
  const signUpPolicy = createSignUpPolicy({ ...ports, signUp, operators, signer, verifier, tags });
  return {
    publicUrl,
    totpPolicy,
    limitProfile,
    signUp,
    oidcIssuer,
    oidcClientId,
    tags,
    banTags,
    franking,
    records,
    signer,
    verifier,
    lookup,
    gate,
    secondFactor,
    operators,
    signUpPolicy,
    belongings,
    endings,
  };
}

/** Methods we have; whatever else somebody sends is counted together. */
const METHODS: readonly string[] = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS'];

/** Tells of each answer by the pattern of its route, so that no path somebody made up becomes a label. */
function observeAnswers(observe: Observe, clock: Clock) {
  return createMiddleware<EdgeEnv>(async (c, next) => {
    const startedMs = clock.now();
    await next();
    const route = matchedRoutes(c).findLast(({ path }) => !path.includes('*'))?.path ?? 'none';
    const method = METHODS.includes(c.req.method) ? c.req.method : 'other';
    observe({ route, method, status: c.res.status, ms: clock.now() - startedMs });
  });
}

/** Gives every request a fresh name of our own; one that the sender brought is ignored. */
function nameRequests(random: Random) {
  return createMiddleware<EdgeEnv>(async (c, next) => {
    const requestId = random.id();
    c.set('requestId', requestId);
    c.header('x-request-id', requestId);
    c.header('cache-control', 'no-store');
    c.header('x-content-type-options', 'nosniff');
    await next();
  });
}
