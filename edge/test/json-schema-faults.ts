/** From a JSON Schema: one value that fits, and every small way to spoil it. */
import fc from 'fast-check';
import { mismatches, type Schema } from './json-schema.ts';

/** A value with one fault, and where that is. */
export interface Spoilt {
  readonly what: string;
  readonly value: unknown;
}

/** A value that fits. Of alternatives it takes the first. */
export function sampleOf(schema: Schema): unknown {
  if ('const' in schema) return schema.const;
  const { enum: choices, oneOf, anyOf, type } = schema as Keywords;
  if (choices !== undefined) return choices[0];
  const [alternative] = oneOf ?? anyOf ?? [];
  if (alternative !== undefined) return sampleOf(alternative);
  if (type === undefined) return 'anything';
  const sample = SAMPLES[type]?.(schema);
  if (sample === undefined) throw new Error(`No sample of ${JSON.stringify(schema)}`);
  return sample;
}

/**
 * The sample with one thing wrong at a time, in every field at every depth: another type, an unknown field beside it, a missing one, too
 * long, too short, out of range, another encoding. Only what the schema itself refuses is in it.
 */
export function spoilt(schema: Schema): Spoilt[] {
  return spoil(schema, sampleOf(schema), '$').filter(({ value }) => mismatches(schema, value).length > 0);
}

interface Keywords {
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly oneOf?: readonly Schema[];
  readonly anyOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly pattern?: string;
  readonly format?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
}

const SAMPLES: Readonly<Record<string, (schema: Keywords) => unknown>> = {
  object: ({ properties = {}, required = [] }) =>
    Object.fromEntries(
      Object.entries(properties)
        .filter(([name]) => required.includes(name))
        .map(([name, schema]) => [name, sampleOf(schema)]),
    ),
  array: ({ items, minItems = 0 }) =>
    Array.from({ length: minItems }, () => (items === undefined ? null : sampleOf(items))),
  string: textOf,
  integer: ({ minimum = 0 }) => minimum,
  number: ({ minimum = 0 }) => minimum,
  boolean: () => true,
};

function textOf({ pattern, format, minLength = 0 }: Keywords): string {
  if (format === 'date') return '2030-01-01';
  if (pattern === undefined) return 'text';
  const [text = ''] = fc.sample(fc.stringMatching(new RegExp(pattern)), { seed: 7, numRuns: 1 });
  // What has a least length beside its pattern may be repeated.
  return text.length < minLength ? text.repeat(minLength).slice(0, minLength) : text;
}

/** No field has one of these types beside its own; long ones are cut in messages. */
const OTHERS: readonly unknown[] = [
  null,
  true,
  -1,
  1.5,
  1e300,
  '',
  'a',
  '\u0000',
  [],
  [[]],
  {},
  { $ne: null },
];
const TEXTS: readonly ((text: string) => string)[] = [
  (text) => `${text}=`,
  (text) => `${text}\n`,
  (text) => ` ${text}`,
  (text) => `${text.slice(0, -1)}+`,
  (text) => `${text.slice(0, -1)}é`,
  (text) => `${text.slice(0, -1)}🙂`,
  (text) => `${text.slice(0, -1)}\ud800`,
  (text) => text.slice(0, -1),
  (text) => `${text}A`,
  (text) => text.replaceAll('.', '..'),
];

function spoil(schema: Schema, sample: unknown, at: string): Spoilt[] {
  const { oneOf, anyOf, properties = {}, items, minimum, maximum, minItems, maxItems } = schema as Keywords;
  const [alternative] = oneOf ?? anyOf ?? [];
  if (alternative !== undefined) return spoil(alternative, sample, at);
  const values: unknown[] = OTHERS.filter((other) => other !== sample);
  if (typeof sample === 'string') values.push(...TEXTS.map((change) => change(sample)), tooLong(schema));
  if (minimum !== undefined) values.push(minimum - 1);
  if (maximum !== undefined) values.push(maximum + 1);
  if (Array.isArray(sample) && minItems !== undefined) values.push(sample.slice(0, minItems - 1));
  if (Array.isArray(sample) && maxItems !== undefined && items !== undefined)
    values.push(Array.from({ length: maxItems + 1 }, () => sampleOf(items)));
  const here = values.map((value) => ({ what: `${at} = ${JSON.stringify(value).slice(0, 60)}`, value }));
  if (Array.isArray(sample) && items !== undefined)
    here.push(...spoil(items, sampleOf(items), `${at}[0]`).map(within((value) => [value])));
  if (!isFields(sample)) return here;
  const inside = Object.entries(properties).flatMap(([name, field]) => [
    { what: `${at}.${name} is missing`, value: without(sample, name) },
    ...spoil(field, sampleOf(field), `${at}.${name}`).map(within((value) => ({ ...sample, [name]: value }))),
  ]);
  return [...here, { what: `${at} has more`, value: { ...sample, more: 1 } }, ...inside];
}

function tooLong({ maxLength = 5_000 }: Keywords): string {
  return 'A'.repeat(maxLength + 1);
}

function within(put: (value: unknown) => unknown): (one: Spoilt) => Spoilt {
  return ({ what, value }) => ({ what, value: put(value) });
}

function without(fields: Readonly<Record<string, unknown>>, name: string): unknown {
  return Object.fromEntries(Object.entries(fields).filter(([key]) => key !== name));
}

function isFields(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
