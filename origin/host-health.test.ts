import * as assert from 'uvu/assert';
import { describe } from '../shared/testing/suite.ts';
import { type Asked, createHostHealth, mergeExpositions } from './host-health.ts';

const TEXT = (node: string, value: number) =>
  `# HELP a_total What a is\n# TYPE a_total counter\na_total{node="${node}"} ${value}\n\n# HELP b B\n# TYPE b gauge\nb{node="${node}"} 1\n`;

describe('mergeExpositions', ({ test }) => {
  test('writes each family once, with the samples of all', () => {
    assert.is(
      mergeExpositions([TEXT('n1', 1), TEXT('n2', 2)]),
      [
        '# HELP a_total What a is',
        '# TYPE a_total counter',
        'a_total{node="n1"} 1',
        'a_total{node="n2"} 2',
        '',
        '# HELP b B',
        '# TYPE b gauge',
        'b{node="n1"} 1',
        'b{node="n2"} 1',
        '',
      ].join('\n'),
    );
  });

  test('leaves out families without samples, and takes no text for an answer', () => {
    assert.is(mergeExpositions(['', '# HELP c C\n# TYPE c gauge\n']), '');
  });
});

describe('the health of a host', ({ test }) => {
  const ask = (path: string, answers: Record<string, Asked | undefined>, method = 'GET') =>
    createHostHealth({
      nodes: () => Object.keys(answers).map((node) => ({ node, url: answers[node] && `http://${node}` })),
      restarts: () => 3,
      ask: async (url) => answers[new URL(url).host],
    })({ method, path, headers: {}, body: new Uint8Array() });
  const well = { status: 200, text: '{"status":"ok"}' };
  const ill = { status: 503, text: '{"status":"degraded"}' };

  test('is ready while any process is', async () => {
    assert.is((await ask('/readyz', { n1: well, n2: ill })).status, 200);
    assert.is((await ask('/readyz', { n1: ill, n2: undefined })).status, 503);
  });

  test('is well only while all are, and tells which is not', async () => {
    assert.is((await ask('/healthz', { n1: well, n2: well })).status, 200);
    const { status, body } = await ask('/healthz', { n1: well, n2: undefined });
    assert.is(status, 503);
    assert.equal(JSON.parse(body), {
      status: 'degraded',
      restarts: 3,
      nodes: [{ status: 'ok' }, { node: 'n2', status: 'down' }],
    });
  });

  test('takes a cut-off answer for none', async () => {
    const { body } = await ask('/healthz', { n1: { status: 200, text: '{"sta' } });
    assert.equal(JSON.parse(body).nodes, [{ node: 'n1', status: 'down' }]);
  });

  test('counts its processes beside their metrics', async () => {
    const { body } = await ask('/metrics', { n1: { status: 200, text: TEXT('n1', 1) }, n2: undefined });
    for (const line of [
      'hushwire_host_worker_up{node="n2"} 0',
      'hushwire_host_restarts_total 3',
      'a_total{node="n1"} 1',
    ])
      assert.ok(body.split('\n').includes(line), line);
  });

  test('lives by itself, and answers nothing else', async () => {
    assert.is((await ask('/livez', { n1: undefined })).status, 200);
    assert.is((await ask('/nope', {})).status, 404);
    assert.is((await ask('/livez', {}, 'POST')).status, 405);
  });
});
