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
const rule =
  (fits: (operand: never, value: never) => boolean): Check =>
  (operand, value, { path }) =>
    fits(operand as never, value as never)
      ? []
      : [`${path}: ${JSON.stringify(value)} against ${String(operand)}`];

const KEYWORDS: Readonly<Record<string, Check>> = {
  description: annotation,
  type: rule((type: string, value: unknown) => isType(type, value)),
  const: rule((wanted: unknown, value: unknown) => wanted === value),
  enum: rule((wanted: unknown[], value: unknown) => wanted.includes(value)),
  pattern: rule((pattern: string, value: string) => new RegExp(pattern).test(value)),
  format: rule((format: string, value: string) => format === 'date' && /^\d{4}-\d{2}-\d{2}$/.test(value)),
  minimum: rule((bound: number, value: number) => value >= bound),
  maximum: rule((bound: number, value: number) => value <= bound),
  minLength: rule((bound: number, value: string) => value.length >= bound),
  maxLength: rule((bound: number, value: string) => value.length <= bound),
  minItems: rule((bound: number, value: unknown[]) => value.length >= bound),
  maxItems: rule((bound: number, value: unknown[]) => value.length <= bound),
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
  items: (schema, value, { path }) =>
    Array.isArray(value)
      ? value.flatMap((item, i) => mismatches(schema as Schema, item, `${path}[${i}]`))
      : [],
};

function isType(type: string, value: unknown): boolean {
  if (type === 'array') return Array.isArray(value);
  if (type === 'object') return isObject(value);
  if (type === 'integer') return Number.isInteger(value);
  return typeof value === type;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
