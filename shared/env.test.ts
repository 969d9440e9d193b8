import * as assert from 'uvu/assert';
import {
  ConfigurationError,
  choice,
  describeEnv,
  type Env,
  integer,
  json,
  list,
  namesOf,
  readEnv,
  type Specification,
  text,
  url,
  urls,
} from './env.ts';
import { describe } from './testing/suite.ts';

const PREFIX = 'APP_';
const SECRET = 'correct horse battery staple';

const spec = {
  name: text('APP_NAME', { about: 'its name' }),
  port: integer('APP_PORT', { about: 'its port', min: 1, max: 65_535, fallback: 8_080 }),
  storeUrl: url('APP_STORE_URL', { about: 'its store', protocols: ['redis:', 'rediss:'], isSecret: true }),
  mode: choice('APP_MODE', { about: 'its mode', of: ['yes', 'no'], fallback: 'yes' }),
  peers: list('APP_PEERS', { about: 'its peers', fallback: '' }),
  keys: json('APP_KEYS', { about: 'its keys', wanted: 'a list of keys', isSecret: true, check: keyList }),
} as const;

const complete: Env = { APP_NAME: 'a', APP_STORE_URL: 'redis://127.0.0.1/', APP_KEYS: '[{"k":"x"}]' };

describe('readEnv', ({ test }) => {
  test('reads a complete environment, with defaults', () => {
    assert.equal(readEnv(spec, { env: complete, prefix: PREFIX }), {
      name: 'a',
      port: 8_080,
      storeUrl: 'redis://127.0.0.1',
      mode: 'yes',
      peers: [],
      keys: [{ k: 'x' }],
    });
  });

  test('freezes everything it gives back', () => {
    const config = readEnv(spec, { env: { ...complete, APP_PEERS: 'a,b' }, prefix: PREFIX });
    for (const value of [config, config.peers, config.keys, config.keys[0]])
      assert.ok(Object.isFrozen(value));
  });

  test('tells all faults together', () => {
    const faults = faultsOf({
      APP_PORT: '0',
      APP_STORE_URL: 'http://127.0.0.1',
      APP_MODE: 'maybe',
      APP_KEYS: '[',
      APP_PROT: '1',
      APP_: 'x',
    });
    assert.equal(
      faults.map((fault) => fault.split(' ')[0]),
      ['APP_NAME', 'APP_PORT', 'APP_STORE_URL', 'APP_MODE', 'APP_KEYS', 'APP_PROT', 'APP_'],
    );
  });

  test('the message of the error holds every fault', () => {
    try {
      readEnv(spec, { env: {}, prefix: PREFIX });
      assert.unreachable();
    } catch (error) {
      if (!(error instanceof ConfigurationError)) throw error;
      for (const fault of error.faults) assert.ok(error.message.includes(fault));
    }
  });

  test('a fault says what is wanted and what came', () => {
    assert.equal(faultsOf({ ...complete, APP_PORT: '65536' }), [
      'APP_PORT is "65536"; wanted: a whole number from 1 to 65535 (out of range)',
    ]);
    assert.equal(faultsOf({ ...complete, APP_NAME: undefined }), ['APP_NAME is not set; wanted: text']);
  });

  test('an empty variable counts as not set', () => {
    assert.is(readEnv(spec, { env: { ...complete, APP_PORT: '' }, prefix: PREFIX }).port, 8_080);
    assert.is(faultsOf({ ...complete, APP_NAME: '' }).length, 1);
  });

  test('names without the prefix are nobody’s business', () => {
    readEnv(spec, { env: { ...complete, PATH: '/bin', APPLE: '1', MY_APP_NAME: 'x' }, prefix: PREFIX });
  });

  const unusable: readonly [string, string][] = [
    ['APP_KEYS', SECRET],
    ['APP_KEYS', `[{"k":"${SECRET}"`],
    ['APP_KEYS', `{"k":"${SECRET}"}`],
    ['APP_STORE_URL', `http://user:${SECRET}@127.0.0.1`],
    ['APP_STORE_URL', `${SECRET}://127.0.0.1`],
    ['APP_STORE_URL', SECRET],
  ];
  for (const [name, value] of unusable)
    test(`a secret is never shown: ${name} set to ${value.replace(SECRET, '…')}`, () => {
      const [fault = '', ...others] = faultsOf({ ...complete, [name]: value });
      assert.equal(others, []);
      assert.match(fault, `${name} is set, but unusable; wanted: `);
      for (const word of SECRET.split(' ')) assert.not.match(fault, word);
    });

  test('a parser that quotes its text tells it only of what is no secret', () => {
    const quoting = (isSecret: boolean) => ({
      value: json('APP_VALUE', {
        about: 'x',
        wanted: 'y',
        isSecret,
        check: (value) => {
          throw new Error(`bad: ${value}`);
        },
      }),
    });
    assert.match(faultsOf({ APP_VALUE: '"open"' }, quoting(false)).join(), 'bad: open');
    assert.not.match(faultsOf({ APP_VALUE: '"hidden"' }, quoting(true)).join(), 'hidden');
  });
});

describe('variables', ({ test }) => {
  const port = integer('APP_PORT', { about: 'x', min: -5, max: 10 });
  const accepted: readonly [string, number][] = [
    ['-5', -5],
    ['-4', -4],
    ['0', 0],
    ['9', 9],
    ['10', 10],
    ['007', 7],
  ];
  for (const [value, number] of accepted)
    test(`integer takes ${value}`, () => assert.is(port.parse(value), number));
  for (const value of ['-6', '11', '1.0', '1e1', '0x5', ' 5', '+5', '5 ', 'NaN', 'Infinity', '--5'])
    test(`integer refuses ${JSON.stringify(value)}`, () => assert.throws(() => port.parse(value)));

  test('url drops one trailing slash and refuses other schemes', () => {
    const variable = url('APP_URL', { about: 'x', protocols: ['https:'] });
    assert.is(variable.parse('https://a.example/'), 'https://a.example');
    assert.is(variable.parse('https://a.example/path'), 'https://a.example/path');
    for (const value of ['http://a.example', 'a.example', 'https:', '//a.example'])
      assert.throws(() => variable.parse(value));
  });

  test('urls takes one or several, each as url does', () => {
    const variable = urls('APP_URLS', { about: 'x', protocols: ['redis:'] });
    assert.equal(variable.parse('redis://a'), ['redis://a']);
    assert.equal(variable.parse('redis://:a%2Cb@a:1/, redis://b:2'), ['redis://:a%2Cb@a:1', 'redis://b:2']);
    for (const value of ['', 'redis://a,', 'redis://a,http://b', 'redis://a,b'])
      assert.throws(() => variable.parse(value));
  });

  test('list drops white space and empty parts', () => {
    const variable = list('APP_LIST', { about: 'x' });
    assert.equal(variable.parse(' a, b,,c ,'), ['a', 'b', 'c']);
    assert.equal(variable.parse(' , '), []);
  });

  test('choice is exact', () => {
    const variable = choice('APP_CHOICE', { about: 'x', of: ['yes', 'no'] });
    assert.is(variable.parse('no'), 'no');
    for (const value of ['No', 'yes ', '', 'toString']) assert.throws(() => variable.parse(value));
  });
});

describe('describeEnv', ({ test }) => {
  test('prints one row for each variable, and which are required', () => {
    const [head, line, ...rows] = describeEnv(spec).split('\n');
    assert.is(head, '| variable | what | wanted | default |');
    assert.is(line, '|---|---|---|---|');
    assert.is(rows.length, Object.keys(spec).length);
    assert.is(rows[0], '| `APP_NAME` | its name | text | (required) |');
    assert.is(rows[1], '| `APP_PORT` | its port | a whole number from 1 to 65535 | 8080 |');
    assert.is(rows[4], '| `APP_PEERS` | its peers | comma-separated texts |  |');
  });
});

describe('a variable in a file', ({ test }) => {
  const files = new Map([
    ['/run/name', 'from a file\n'],
    ['/run/empty', '\n'],
  ]);
  const readFile = (path: string) => {
    const found = files.get(path);
    if (found === undefined) throw new Error(`ENOENT: ${path}`);
    return found;
  };
  const { APP_NAME: _, ...rest } = complete;
  const faults = (env: Env, reader?: typeof readFile) => {
    try {
      readEnv(spec, { env, prefix: PREFIX, ...(reader && { readFile: reader }) });
    } catch (error) {
      if (error instanceof ConfigurationError) return error.faults.join();
      throw error;
    }
    return '';
  };

  test('is read without its last line end', () => {
    const env = { ...rest, APP_NAME_FILE: '/run/name' };
    assert.is(readEnv(spec, { env, prefix: PREFIX, readFile }).name, 'from a file');
  });

  test('is a fault when the variable is set besides', () => {
    assert.match(faults({ ...complete, APP_NAME_FILE: '/run/name' }, readFile), 'both set');
  });

  test('is a fault when the file is missing, empty, or there are no files', () => {
    assert.match(faults({ ...rest, APP_NAME_FILE: '/run/none' }, readFile), 'APP_NAME_FILE names a file');
    assert.match(faults({ ...rest, APP_NAME_FILE: '/run/empty' }, readFile), 'APP_NAME is not set');
    assert.match(faults({ ...rest, APP_NAME_FILE: '/run/name' }), 'there are no files here');
  });

  test('is known by name', () => {
    assert.match(faults({ ...complete, APP_NAMES_FILE: 'x' }, readFile), 'APP_NAMES_FILE is not a variable');
    assert.ok(namesOf(spec).includes('APP_KEYS_FILE'));
  });
});

function faultsOf(env: Env, of: Specification = spec): readonly string[] {
  try {
    readEnv(of, { env, prefix: PREFIX });
  } catch (error) {
    if (error instanceof ConfigurationError) return error.faults;
    throw error;
  }
  return [];
}

function keyList(value: unknown): readonly { readonly k: string }[] {
  if (!Array.isArray(value)) throw new Error(`not a list but ${JSON.stringify(value)}`);
  return value;
}
