/** The story that `npm run try` tells: two people, two nodes, one channel, and a cable that is pulled. */
import { randomBytes } from 'node:crypto';
import type { Participant } from './participant.ts';
import type { Evidence, Opened, Received, Sent } from './protocol.ts';
import { percentile, type Report } from './report.ts';

export interface ScenarioOptions {
  readonly edge: string;
  /** Messages measured. */
  readonly messages: number;
  readonly alice: Participant;
  readonly bob: Participant;
  readonly report: Report;
}

/** What the search needs to know afterwards. */
export interface Outcome {
  readonly channelId: string;
  readonly people: readonly Opened[];
  readonly evidence: readonly Evidence[];
  /** Part of every text that was published. */
  readonly marker: string;
  /** How many texts were published. */
  readonly published: number;
  readonly latency: { readonly medianMs: number; readonly p99Ms: number; readonly count: number };
}

/** Messages Bob misses while he is away. */
const MISSED = 20;

/** Runs the story and checks each turn of it. Throws an Error when it cannot go on. */
export async function runScenario(options: ScenarioOptions): Promise<Outcome> {
  const scene = new Scene(options);
  const people = await scene.meet();
  const channelId = await scene.openChannel(people);
  await scene.greet();
  const latency = await scene.measure(options.messages);
  await scene.cutAndReturn();
  await scene.passThroughEdge(people, channelId);
  const evidence = await Promise.all([
    options.alice.ask('evidence', { channelId }),
    options.bob.ask('evidence', { channelId }),
  ]);
  scene.checkCalm(evidence);
  return { channelId, people, evidence, marker: scene.marker, published: scene.published, latency };
}

class Scene {
  /** In every text of this run and nowhere else, so that one search finds any of them. */
  readonly marker = randomBytes(16).toString('hex');
  #composed = 0;
  readonly #options: ScenarioOptions;
  /** What each must have received from the other, in order. */
  readonly #forBob: string[] = [];
  readonly #forAlice: string[] = [];

  constructor(options: ScenarioOptions) {
    this.#options = options;
  }

  get published(): number {
    return this.#composed;
  }

  async meet(): Promise<[Opened, Opened]> {
    const { alice, bob, edge, report } = this.#options;
    report.step('Two new accounts, each in a process of its own, connect to two different nodes');
    const first = await alice.ask('open', { edge, through: 'direct' });
    let second = await bob.ask('open', { edge, through: 'direct' });
    if (second.node === first.node) second = await this.#moveBob(first);
    report.note(
      `Alice is on ${first.node} (process ${alice.pid}), Bob on ${second.node} (process ${bob.pid})`,
    );
    report.check(first.node !== second.node, 'the two are on different nodes', first.node);
    report.check(first.userId !== second.userId, 'the two have different accounts');
    return [first, second];
  }

  async openChannel([alice, bob]: readonly [Opened, Opened]): Promise<string> {
    const { report, ...people } = this.#options;
    report.step('Alice makes a channel and lets Bob in; the key goes to Bob as a JWE, past every server');
    const { channelId } = await people.alice.ask('createChannel', {});
    await people.alice.ask('addMember', { channelId, userId: bob.userId });
    const { jwe } = await people.alice.ask('shareKey', { channelId, agreementKey: bob.agreementKey });
    await people.bob.ask('acceptKey', { channelId, jwe });
    await Promise.all([
      people.alice.ask('subscribe', { channelId }),
      people.bob.ask('subscribe', { channelId }),
    ]);
    report.note(
      `The key is wrapped for Bob's device (${jwe.length} characters); Alice is ${short(alice.deviceId)}…`,
    );
    return channelId;
  }

  async greet(): Promise<void> {
    const { report } = this.#options;
    report.step('A message each way');
    await this.#say('alice', ['hello Bob']);
    await this.#say('bob', ['hello Alice']);
    const [heardByBob] = (await this.#heard('bob')).slice(-1);
    const [heardByAlice] = (await this.#heard('alice')).slice(-1);
    report.note(`Bob saw "${shown(heardByBob)}" from ${heardByBob?.from} at offset ${heardByBob?.offset}`);
    report.note(
      `Alice saw "${shown(heardByAlice)}" from ${heardByAlice?.from} at offset ${heardByAlice?.offset}`,
    );
    await this.#checkHeard('each has exactly what the other said');
  }

  async measure(count: number): Promise<Outcome['latency']> {
    const { report } = this.#options;
    report.step(`${count} messages from Alice to Bob, one after another`);
    const sent = await this.#say('alice', numbered('measured', count));
    const arrived = new Map((await this.#heard('bob')).map((message) => [message.id, message.atMs]));
    const delays = sent.map(({ id, atMs }) => (arrived.get(id) ?? Number.NaN) - atMs);
    await this.#checkHeard('Bob has all of them, in order');
    report.check(
      delays.every((ms) => ms > 0),
      'every one arrived after it was sent',
    );
    const latency = { medianMs: percentile(delays, 0.5), p99Ms: percentile(delays, 0.99), count };
    report.note(`median ${latency.medianMs.toFixed(2)} ms, p99 ${latency.p99Ms.toFixed(2)} ms`);
    return latency;
  }

  async cutAndReturn(): Promise<void> {
    const { bob, report } = this.#options;
    report.step(
      `Bob's socket is destroyed; Alice sends ${MISSED} messages meanwhile, and Bob writes one offline`,
    );
    const offline = this.#compose('written offline');
    await bob.ask('cut', { text: offline });
    this.#forAlice.push(offline);
    const missed = await this.#say('alice', numbered('missed', MISSED));
    const { node, sent } = await bob.ask('restore', {});
    await this.#say('alice', ['after the return']);
    report.note(`Bob is back on ${node}; he missed offsets ${missed[0]?.offset} to ${missed.at(-1)?.offset}`);
    report.check(
      sent.offset > (missed.at(-1)?.offset ?? 0),
      'what Bob wrote offline was published after his return',
    );
    await this.#checkHeard(
      'Bob got exactly what he missed, in order, none twice; Alice got his one message once',
    );
  }

  async passThroughEdge([alice, bob]: readonly [Opened, Opened], channelId: string): Promise<void> {
    const { report, edge, ...people } = this.#options;
    report.step('Bob comes back once more, this time through the edge');
    await people.bob.ask('close', {});
    await this.#say('alice', ['while Bob was out']);
    const opened = await people.bob.ask('open', { edge, through: 'edge', node: bob.node });
    await people.bob.ask('subscribe', { channelId });
    report.note(`Bob reached ${opened.node} through the edge`);
    report.check(
      opened.isThroughEdge && opened.node !== alice.node,
      'through the edge, to the other node',
      opened.node,
    );
    report.check(opened.userId === bob.userId, 'Bob is still the same account');
    await this.#say('alice', numbered('through the edge to Bob', 5));
    await this.#say('bob', numbered('through the edge to Alice', 5));
    await this.#checkHeard('messages both ways through the edge, after what came before, none twice');
  }

  checkCalm(evidence: readonly Evidence[]): void {
    const { report } = this.#options;
    report.check(
      evidence.every(({ gaps, unreadable }) => gaps === 0 && unreadable === 0),
      'no gap was told and every message could be read',
    );
  }

  /** The edge chose the same node for both: Bob asks for another one. */
  async #moveBob(alice: Opened): Promise<Opened> {
    const { bob, edge } = this.#options;
    const node = alice.nodes.find((name) => name !== alice.node);
    if (node === undefined) throw new Error('The edge knows only one node; two are needed');
    await bob.ask('close', {});
    return bob.ask('open', { edge, through: 'direct', node });
  }

  /** Publishes, and notes what the other must hear. */
  async #say(who: 'alice' | 'bob', texts: readonly string[]): Promise<readonly Sent[]> {
    const composed = texts.map((text) => this.#compose(text));
    const { sent } = await this.#options[who].ask('publish', { texts: composed });
    (who === 'alice' ? this.#forBob : this.#forAlice).push(...composed);
    return sent;
  }

  #compose(text: string): string {
    this.#composed += 1;
    return `${this.marker} ${text} (${this.#composed})`;
  }

  /** What one has from the other, once all that must be there is. */
  async #heard(who: 'alice' | 'bob'): Promise<readonly Received[]> {
    const count = (who === 'alice' ? this.#forAlice : this.#forBob).length;
    const { messages } = await this.#options[who].ask('received', { count });
    return messages.filter(({ isOwn }) => !isOwn);
  }

  async #checkHeard(sentence: string): Promise<void> {
    const [byAlice, byBob] = [await this.#heard('alice'), await this.#heard('bob')];
    const fault = difference(byAlice, this.#forAlice) ?? difference(byBob, this.#forBob);
    this.#options.report.check(fault === undefined, sentence, fault);
  }
}

function difference(heard: readonly Received[], wanted: readonly string[]): string | undefined {
  const at = wanted.findIndex((text, i) => heard[i]?.text !== text);
  if (at >= 0)
    return `message ${at + 1} of ${wanted.length} is ${heard[at] === undefined ? 'missing' : 'another'}`;
  return heard.length > wanted.length ? `${heard.length - wanted.length} too many` : undefined;
}

function numbered(text: string, count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${text} ${i + 1} of ${count}`);
}

/** Without the marker in front. */
function shown(message: Received | undefined): string {
  return message?.text.split(' ').slice(1).join(' ') ?? '';
}

function short(id: string): string {
  return id.slice(0, 6);
}
