/** Reading a synthesised CloudFormation template: the little of its shape that checks and simulation need. */
export interface Resource {
  readonly Type: string;
  readonly Properties: Readonly<Record<string, unknown>>;
}
export interface Template {
  readonly Resources: Readonly<Record<string, Resource>>;
}

/** Every resource of a type, with its logical id. */
export function resourcesOf(template: Template, type: string): [id: string, properties: Json][] {
  return Object.entries(template.Resources)
    .filter(([, resource]) => resource.Type === type)
    .map(([id, resource]) => [id, new Json(resource.Properties, id)]);
}

/** The one resource of a type whose property `key` is `value`; throws when there is none. */
export function resourceWhere(template: Template, type: string, [key, value]: [string, unknown]): Json {
  const found = resourcesOf(template, type).find(([, properties]) => properties.at(key).raw === value);
  if (found === undefined) throw new Error(`no ${type} with ${key} ${value}`);
  return found[1];
}

/** A value of unknown shape and where it is; asking for what it is not throws, naming the place. */
export class Json {
  readonly raw: unknown;
  readonly #path: string;

  constructor(raw: unknown, path = '') {
    this.raw = raw;
    this.#path = path;
  }

  get isPresent(): boolean {
    return this.raw !== undefined;
  }

  /** What lies below, `undefined` inside when nothing does. */
  at(...keys: string[]): Json {
    let value = this.raw;
    for (const key of keys)
      value = typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined;
    return new Json(value, [this.#path, ...keys].join('.'));
  }

  list(): Json[] {
    if (!Array.isArray(this.raw)) throw this.#wrong('a list');
    return this.raw.map((item, i) => new Json(item, `${this.#path}.${i}`));
  }

  /** CloudFormation takes numbers as text too. */
  number(): number {
    const value = typeof this.raw === 'string' ? Number(this.raw) : this.raw;
    if (typeof value !== 'number' || Number.isNaN(value)) throw this.#wrong('a number');
    return value;
  }

  /** Text with every reference of `Fn::Join` and the like left out as `<…>`. */
  text(): string {
    if (typeof this.raw === 'string') return this.raw;
    if (typeof this.raw === 'number' || typeof this.raw === 'boolean') return String(this.raw);
    const base = this.at('Fn::Base64');
    if (base.isPresent) return base.text();
    const join = this.at('Fn::Join');
    if (!join.isPresent) return '<…>';
    const [separator, parts] = join.list();
    return (
      parts
        ?.list()
        .map((part) => part.text())
        .join(separator?.text()) ?? ''
    );
  }

  #wrong(wanted: string): Error {
    return new Error(`${this.#path} is not ${wanted}`);
  }
}
