/** Checks a value against the part of JSON Schema that our OpenAPI document uses; an unknown keyword is a fault. */
export type Schema = Readonly<Record<string, unknown>>;

/** Everything in which `value` differs from `schema`, as `path: what`; empty when it fits. */
export function mismatches(schema: Schema, value: unknown, path = '$'): string[] {
  return Object.entries(schema).flatMap(([keyword, operand]) => {
    const check = KEYWORDS[keyword];
    if (check === undefined) return [`${path}: unknown keyword ${keyword}`];
    return check(operand, value, { schema, path });
  });
}

interface Place {
  readonly schema: Schema;
  readonly path: string;
}
type Check = (operand: unknown, value: unknown, place: Place) => string[];

const annotation: Check = () => [];

const KEYWORDS: Readonly<Record<string, Check>> = {
  description: annotation,
  type: rule((type: string, value: unknown) => isType(type, value)),
  const: rule((wanted: unknown, value: unknown) => wanted === value),
  enum: rule((wanted: unknown[], value: unknown) => wanted.includes(value)),
  pattern: ofText((text, pattern: string) => new RegExp(pattern).test(text)),
  format: ofText((text, format: string) => format === 'date' && /^\d{4}-\d{2}-\d{2}$/.test(text)),
  minimum: ofNumber((value, bound) => value >= bound),
  maximum: ofNumber((value, bound) => value <= bound),
  minLength: ofText((text, bound: number) => text.length >= bound),
  maxLength: ofText((text, bound: number) => text.length <= bound),
  minItems: ofList((list, bound) => list.length >= bound),
  maxItems: ofList((list, bound) => list.length <= bound),
  required: (names, value, { path }) =>
    (names as string[])
      .filter((name) => !isObject(value) || !(name in value))
      .map((name) => `${path}.${name}: missing`),
  properties: (properties, value, { path }) =>
    Object.entries(properties as Record<string, Schema>).flatMap(([name, schema]) =>
      isObject(value) && name in value ? mismatches(schema, value[name], `${path}.${name}`) : [],
    ),
  additionalProperties: (allowed, value, { schema, path }) => {
    const known = Object.keys((schema.properties ?? {}) as object);
    const extra = isObject(value) ? Object.keys(value).filter((name) => !known.includes(name)) : [];
    return allowed === false ? extra.map((name) => `${path}.${name}: not described`) : [];
  },
  oneOf: (alternatives, value, { path }) =>
    (alternatives as Schema[]).filter((schema) => mismatches(schema, value).length === 0).length === 1
      ? []
      : [`${path}: not exactly one of the alternatives`],
  items: (schema, value, { path }) =>
    Array.isArray(value)
      ? value.flatMap((item, i) => mismatches(schema as Schema, item, `${path}[${i}]`))
      : [],
};

function rule(fits: (operand: never, value: never) => boolean): Check {
  return (operand, value, { path }) =>
    fits(operand as never, value as never)
      ? []
      : [`${path}: ${JSON.stringify(value)} against ${String(operand)}`];
}

/** What a keyword says of one type says nothing of another (JSON Schema, validation, section 6). */
function ofText<T>(fits: (text: string, operand: T) => boolean): Check {
  return rule((operand: T, value: unknown) => typeof value !== 'string' || fits(value, operand));
}
function ofNumber(fits: (value: number, bound: number) => boolean): Check {
  return rule((bound: number, value: unknown) => typeof value !== 'number' || fits(value, bound));
}
function ofList(fits: (list: readonly unknown[], bound: number) => boolean): Check {
  return rule((bound: number, value: unknown) => !Array.isArray(value) || fits(value, bound));
}

function isType(type: string, value: unknown): boolean {
  if (type === 'array') return Array.isArray(value);
  if (type === 'object') return isObject(value);
  if (type === 'integer') return Number.isInteger(value);
  return typeof value === type;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
