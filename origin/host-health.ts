/** One view of health for all the node processes of a host, for its balancer, supervisor, people and Prometheus. */
import { randomId } from '../shared/bytes.ts';
import { Failure } from '../shared/failure.ts';
import { type HttpAnswer, type HttpHandler, jsonAnswer, problemAnswer } from './http.ts';

export interface Asked {
  readonly status: number;
  readonly text: string;
}

export interface HostHealthPorts {
  /** Every node of this host; without a URL while its process is not ready. */
  readonly nodes: () => readonly { readonly node: string; readonly url: string | undefined }[];
  readonly restarts: () => number;
  /** Asks one process; undefined when it does not answer in time. */
  readonly ask: (url: string) => Promise<Asked | undefined>;
}

interface NodeAnswer {
  readonly node: string;
  readonly answer: Asked | undefined;
}

/**
 * Answers GET and HEAD: `/livez` for this supervisor; `/readyz` with 200 while any process takes connections, since they
 * share one port; `/healthz` with every node's own answer, 200 when all are well; `/metrics` with all of theirs.
 */
export function createHostHealth(ports: HostHealthPorts): HttpHandler {
  const answers = new Map<string, () => HttpAnswer | Promise<HttpAnswer>>([
    ['/livez', () => jsonAnswer(200, { status: 'ok' })],
    ['/readyz', async () => answerReady(await askAll(ports, '/readyz'))],
    ['/healthz', async () => answerHealth(await askAll(ports, '/healthz'), ports.restarts())],
    ['/metrics', async () => answerMetrics(await askAll(ports, '/metrics'), ports.restarts())],
  ]);
  return async ({ method, path }) => {
    const answer = answers.get(path.replace(/\?.*$/, ''));
    if (answer === undefined) return problemAnswer(new Failure('not_found'), randomId());
    if (method === 'GET' || method === 'HEAD') return answer();
    return problemAnswer(new Failure('method_not_allowed'), randomId(), { allow: 'GET, HEAD' });
  };
}

function askAll({ nodes, ask }: HostHealthPorts, path: string): Promise<readonly NodeAnswer[]> {
  const one = async ({ node, url }: { node: string; url: string | undefined }) => ({
    node,
    answer: url === undefined ? undefined : await ask(`${url}${path}`),
  });
  return Promise.all(nodes().map(one));
}

function answerReady(all: readonly NodeAnswer[]): HttpAnswer {
  const isReady = all.some(({ answer }) => answer?.status === 200);
  const nodes = all.map(({ node, answer }) => ({ node, isReady: answer?.status === 200 }));
  return jsonAnswer(isReady ? 200 : 503, { status: isReady ? 'ready' : 'not ready', nodes });
}

function answerHealth(all: readonly NodeAnswer[], restarts: number): HttpAnswer {
  const isWell = all.every(({ answer }) => answer?.status === 200);
  const nodes = all.map(({ node, answer }) => parse(answer) ?? { node, status: 'down' });
  return jsonAnswer(isWell ? 200 : 503, { status: isWell ? 'ok' : 'degraded', restarts, nodes });
}

function parse(answer: Asked | undefined): unknown {
  try {
    return answer === undefined ? undefined : JSON.parse(answer.text);
  } catch {
    return undefined; // cut off while it ended: as good as down
  }
}

function answerMetrics(all: readonly NodeAnswer[], restarts: number): HttpAnswer {
  const up = all.map(({ node, answer }) => `hushwire_host_worker_up{node="${node}"} ${answer ? 1 : 0}`);
  const own = [
    '# HELP hushwire_host_worker_up Whether the process of this node answers its supervisor',
    '# TYPE hushwire_host_worker_up gauge',
    ...up,
    '# HELP hushwire_host_restarts_total Processes started again because they ended unasked',
    '# TYPE hushwire_host_restarts_total counter',
    `hushwire_host_restarts_total ${restarts}`,
  ].join('\n');
  const text = mergeExpositions([own, ...all.map(({ answer }) => answer?.text ?? '')]);
  return {
    status: 200,
    headers: { 'content-type': 'text/plain; version=0.0.4; charset=utf-8', 'cache-control': 'no-store' },
    body: text,
  };
}

/**
 * Several texts in Prometheus' format as one: each family once, with the samples of all. Their samples must differ in a
 * label, as those of nodes do (`node`).
 */
export function mergeExpositions(texts: readonly string[]): string {
  const families = new Map<string, Family>();
  for (const text of texts) {
    let family = familyOf(families, '');
    for (const line of text.split('\n')) {
      const [, kind, name] = /^# (HELP|TYPE) (\S+)/.exec(line) ?? [];
      if (kind !== undefined && name !== undefined) {
        family = familyOf(families, name);
        family.head.set(kind, line);
      } else if (line !== '' && !line.startsWith('#')) family.samples.push(line);
    }
  }
  const written = [...families.values()].filter(({ samples }) => samples.length > 0);
  return written.flatMap(({ head, samples }) => [...head.values(), ...samples, '']).join('\n');
}

interface Family {
  /** The lines HELP and TYPE. */
  readonly head: Map<string, string>;
  readonly samples: string[];
}

function familyOf(families: Map<string, Family>, name: string): Family {
  const family = families.get(name) ?? { head: new Map(), samples: [] };
  families.set(name, family);
  return family;
}
