// The status page of a node: asks for numbers every two seconds, keeps half an hour of them, and draws.
const EVERY_MS = 2_000;
const KEPT = 900;
const series = {
  connections: { id: 'chart-connections', lines: [['connections', 'first', 'open']] },
  messages: {
    id: 'chart-messages',
    lines: [
      ['publishes', 'first', 'published'],
      ['deliveries', 'second', 'delivered'],
    ],
  },
  latency: {
    id: 'chart-latency',
    lines: [
      ['lagMs', 'first', 'relay'],
      ['loopMs', 'second', 'event loop'],
    ],
  },
};
const samples = [];
let charts = [];
let before;

const byId = (id) => document.getElementById(id);
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });
const say = (id, text) => {
  const element = byId(id);
  if (element.textContent !== text) element.textContent = text;
};

function dataOf({ lines }) {
  return [samples.map(({ at }) => at), ...lines.map(([name]) => samples.map((sample) => sample[name]))];
}

function draw() {
  for (const { chart } of charts) chart.destroy();
  charts = Object.values(series).map((one) => {
    const place = byId(one.id);
    const axis = { stroke: colour('quiet'), grid: { stroke: colour('line') }, ticks: { show: false } };
    const options = {
      width: place.clientWidth,
      height: place.clientHeight - 30,
      cursor: { y: false },
      scales: { y: { range: (_, min, max) => [Math.min(0, min ?? 0), Math.max(1, (max ?? 0) * 1.15)] } },
      axes: [axis, { ...axis, size: 46 }],
      series: [
        {},
        ...one.lines.map(([, tone, label]) => ({
          label,
          stroke: colour(tone),
          width: 2,
          points: { show: false },
          value: (_, value) => (value == null ? '–' : short.format(value)),
        })),
      ],
    };
    return { one, chart: new uPlot(options, dataOf(one), place) };
  });
}

function share(numbers, part) {
  const sorted = numbers.filter((number) => number !== null).sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
}

function take(now) {
  const seconds = before === undefined ? undefined : (now.atMs - before.atMs) / 1_000;
  const rate = (name) => (seconds > 0 ? Math.max(0, now.totals[name] - before.totals[name]) / seconds : null);
  samples.push({
    at: now.atMs / 1_000,
    connections: now.connections.current,
    publishes: rate('publishes'),
    deliveries: rate('deliveries'),
    lagMs: now.relay.lagMs,
    loopMs: now.eventLoop.lagMs,
  });
  if (samples.length > KEPT) samples.shift();
  before = now;
}

function show({ node, state, isWell, version, connections, relay, postgres, nodes }) {
  const last = samples.at(-1);
  const lags = samples.map(({ lagMs }) => lagMs);
  say('node', node);
  document.title = `${node} · Hushwire`;
  say('state', isWell ? state : `${state}, degraded`);
  byId('state').dataset.tone = isWell ? 'good' : state === 'draining' ? 'wait' : 'bad';
  say('connections', whole.format(connections.current));
  say('connections-of', `of ${whole.format(connections.limit)}`);
  say('publishes', last.publishes === null ? '–' : short.format(last.publishes));
  say('deliveries', last.deliveries === null ? '–' : short.format(last.deliveries));
  say('lag', `${short.format(share(lags, 0.5))} ms`);
  say('lag-99', `median; p99 ${short.format(share(lags, 0.99))} ms`);
  const trip = (name, ms) => `${name} ${ms === undefined ? 'away' : `${short.format(ms)} ms`}`;
  say(
    'parts',
    `${trip('Redis', relay.roundTripMs)} · ${trip('PostgreSQL', postgres.roundTripMs)} · ${version}`,
  );
  byId('nodes').replaceChildren(...nodes.map(rowOf));
}

function rowOf({ node, connections, fullness = 0, isDraining }) {
  const row = document.createElement('tr');
  const bar = document.createElement('progress');
  bar.max = 1;
  bar.value = fullness;
  bar.ariaLabel = `${Math.round(fullness * 100)} % full`;
  const cells = [node, isDraining ? 'draining' : 'ready', whole.format(connections), bar];
  row.append(
    ...cells.map((content) => {
      const cell = document.createElement('td');
      cell.append(content);
      return cell;
    }),
  );
  row.children[1].dataset.tone = isDraining ? 'wait' : 'good';
  return row;
}

async function ask() {
  try {
    const answer = await fetch('/status/data.json', { cache: 'no-store' });
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    const now = await answer.json();
    take(now);
    show(now);
    for (const { one, chart } of charts) chart.setData(dataOf(one));
  } catch {
    say('state', 'does not answer');
    byId('state').dataset.tone = 'bad';
  } finally {
    setTimeout(ask, EVERY_MS);
  }
}

draw();
void ask();
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw);
addEventListener('resize', draw);
