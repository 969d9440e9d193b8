import * as assert from 'uvu/assert';
import { describe } from '../../shared/testing/suite.ts';
import { createApp } from '../app.ts';
import { readConfig } from '../config.ts';
import { createNodes } from '../nodes.ts';
import { createHarness, TestClock, testEnv } from './harness.ts';
import { mismatches, type Schema } from './json-schema.ts';
import { createMemoryLimiter } from './memory-limiter.ts';
import { createMemoryOrigin } from './memory-origin.ts';
import { createMemoryState } from './memory-state.ts';

/** What is answered is held against the document in every test that goes through `Client`; here is the rest. */
describe('OpenAPI document', ({ test }) => {
  test('lists exactly the routes of the app', async () => {
    const clock = new TestClock();
    const origin = createMemoryOrigin();
    const app = await createApp(
      {
        state: createMemoryState(clock),
        origin,
        nodes: createNodes({ origin, clock }),
        clock,
        random: { id: () => 'A'.repeat(22) },
        limiter: createMemoryLimiter(clock),
        lifecycle: { isDraining: () => false },
        log: () => undefined,
      },
      readConfig(await testEnv()),
    );
    const routes = app.routes
      .filter(({ method }) => method !== 'ALL')
      .map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, '{$1}')}`);
    const document = (await (await app.request('/openapi.json')).json()) as { paths: Record<string, object> };
    const told = Object.entries(document.paths).flatMap(([path, operations]) =>
      Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
    );
    assert.equal(told.sort(), [...new Set(routes)].sort());
  });

  test('asks for a token exactly where one is asked for', async () => {
    const { client } = await createHarness();
    for (const [path, operations] of Object.entries((await client.document()).paths))
      for (const [method, operation] of Object.entries(operations)) {
        const url = path.replace(/\{\w+\}/, 'A'.repeat(22));
        const options = method === 'post' ? { body: {} } : {};
        const { json } = await client.call(url, { method: method.toUpperCase(), ...options });
        const { security } = operation as { security?: object[] };
        assert.is(json.code === 'token_refused', security?.length === 1, `${method} ${path}`);
      }
  });

  test('describes bodies that are accepted and none that are refused', async () => {
    const { client } = await createHarness();
    const { paths } = await client.document();
    const schemaOf = (path: string): Schema => {
      const schema = paths[path]?.post?.requestBody?.content['application/json']?.schema;
      if (schema === undefined) throw new Error(`${path} describes no body`);
      return schema;
    };
    assert.equal(mismatches(schemaOf('/v1/connect'), { channels: ['A'.repeat(22)] }), []);
    for (const body of [{}, { channels: 'x' }, { channels: ['x'] }, { channels: [], more: 1 }])
      assert.ok(mismatches(schemaOf('/v1/connect'), body).length > 0, JSON.stringify(body));
    assert.equal(mismatches(schemaOf('/v1/sessions'), { assertion: 'a.b.c' }), []);
    assert.ok(mismatches(schemaOf('/v1/sessions'), { assertion: 'a.b' }).length > 0);
  });
});
