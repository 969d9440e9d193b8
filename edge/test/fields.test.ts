import * as assert from 'uvu/assert';
import { describe } from '../../shared/testing/suite.ts';
import type { SignedIn } from './client.ts';
import { createHarness, type Harness } from './harness.ts';
import type { Schema } from './json-schema.ts';
import { sampleOf, spoilt } from './json-schema-faults.ts';

const ID = 'AAAAAAAAAAAAAAAAAAAAAA';
/** What an address may hold instead of an id. */
const NO_IDS = ['A', `${ID}A`, `${ID.slice(1)}=`, '%00', '..%2f..', '%F0%9F%99%82', "'--", '__proto__'];

interface Operation {
  readonly method: string;
  readonly path: string;
  readonly schema: Schema | undefined;
}

describe('Every field of every call', ({ test, before, beforeEach }) => {
  let edge: Harness;
  let alice: SignedIn;
  let operations: Operation[];
  before(async () => {
    operations = await operationsOf(await createHarness());
  });
  beforeEach(async () => {
    edge = await createHarness();
    alice = await edge.client.join();
    edge.trips.reset();
  });
  const call = ({ method, path }: Operation, body?: unknown, where = path.replaceAll(/\{\w+\}/g, ID)) =>
    edge.client.call(where, { method, token: alice.token, ...(body === undefined ? {} : { body }) });

  test('is refused as bad_request before any store is asked, whatever is wrong with it', async () => {
    const asked = operations.filter(({ schema }) => schema !== undefined);
    assert.ok(asked.length >= 20, 'the calls that take a body');
    let tried = 0;
    for (const operation of asked) {
      for (const { what, value } of spoilt(operation.schema as Schema)) {
        const { status, json } = await call(operation, value);
        const told = `${operation.method} ${operation.path}: ${what} was answered ${status} ${json.code}`;
        assert.ok(['bad_request', 'payload_too_large'].includes(json.code), told);
        assert.equal(edge.trips.calls, [], told);
        edge.clock.advance(1_000);
        tried += 1;
      }
      await signInAgain();
    }
    assert.ok(tried > 1_000, `${tried} faults`);
  });

  test('has a limit, and no unknown field beside it', () => {
    for (const { method, path, schema } of operations)
      for (const [at, field] of schema === undefined ? [] : partsOf(schema, '$')) {
        const told = `${method} ${path} ${at}: ${JSON.stringify(field).slice(0, 80)}`;
        if (field.type === 'object') assert.is(field.additionalProperties, false, told);
        if (field.type === 'array') assert.type(field.maxItems, 'number', told);
        if (field.type === 'integer') assert.type(field.maximum, 'number', told);
        const isBounded =
          'maxLength' in field || 'enum' in field || 'format' in field || isOfOneLength(field.pattern);
        if (field.type === 'string') assert.ok(isBounded, told);
      }
  });

  test('fits as its description says: what is right is never a bad request', async () => {
    for (const operation of operations.filter(({ schema }) => schema !== undefined)) {
      const { json } = await call(operation, sampleOf(operation.schema as Schema));
      const told = `${operation.method} ${operation.path} ${JSON.stringify(json)}`;
      assert.ok(json?.code !== 'internal', told);
      if (json?.code === 'bad_request') assert.match(json.detail ?? '', /(day|code|exactly|one of)/i, told);
    }
  });

  test('is refused in an address as well', async () => {
    const addressed = operations.filter(({ path }) => path.includes('{'));
    assert.ok(addressed.length >= 8, 'the calls with an id in the address');
    for (const operation of addressed) {
      const body = operation.schema && sampleOf(operation.schema);
      for (const wrong of NO_IDS) {
        const where = operation.path.replace(/\{\w+\}/, wrong).replaceAll(/\{\w+\}/g, ID);
        const { status, json } = await call(operation, body, where);
        assert.ok(
          status === 400 || status === 404,
          `${operation.method} ${where} was answered ${status} ${json.code}`,
        );
        assert.equal(edge.trips.calls, [], where);
      }
    }
  });

  const signInAgain = async () => {
    alice = await edge.client.join();
    edge.trips.reset();
  };
}, 60_000);

/** Every schema within, with where it is. */
function partsOf(schema: Schema, at: string): [string, Schema][] {
  const {
    properties = {},
    items,
    oneOf = [],
  } = schema as {
    properties?: Record<string, Schema>;
    items?: Schema;
    oneOf?: Schema[];
  };
  return [
    [at, schema],
    ...Object.entries(properties).flatMap(([name, field]) => partsOf(field, `${at}.${name}`)),
    ...(items === undefined ? [] : partsOf(items, `${at}[]`)),
    ...oneOf.flatMap((one, i) => partsOf(one, `${at}|${i}`)),
  ];
}

/** An expression from end to end without a part that may go on for ever. */
function isOfOneLength(pattern: unknown): boolean {
  return typeof pattern === 'string' && /^\^.*\$$/.test(pattern) && !/[*+](?![^[]*\])/.test(pattern);
}

async function operationsOf({ client }: Harness): Promise<Operation[]> {
  const { paths } = await client.document();
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { requestBody }]) => ({
      method: method.toUpperCase(),
      path,
      schema: requestBody?.content['application/json']?.schema,
    })),
  );
}
