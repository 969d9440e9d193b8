import type { Sql } from 'postgres';

/** Rows and digest of every table of ours, by name. */
export type Checksums = Readonly<Record<string, { readonly rows: number; readonly digest: string }>>;

/**
 * Counts and digests every table of the schema as `sql`'s transaction sees it. The digest does not depend on the order of
 * rows; equal ones mean equal content (MD5 here detects damage, it guards against nobody).
 */
export async function checksumsOf(sql: Sql): Promise<Checksums> {
  const tables = await sql<{ name: string }[]>`
    select table_name as name from information_schema.tables
    where table_schema = 'hushwire' and table_type = 'BASE TABLE' order by table_name`;
  const found: [string, { rows: number; digest: string }][] = [];
  for (const { name } of tables) {
    const [row] = await sql<{ rows: number; digest: string }[]>`
      select count(*)::integer as rows, md5(coalesce(string_agg(line, ' ' order by line), '')) as digest
      from (select md5(entry::text) as line from hushwire.${sql(name)} entry) lines`;
    if (row !== undefined) found.push([name, { rows: row.rows, digest: row.digest }]);
  }
  return Object.fromEntries(found);
}

/** In words, each table that differs; empty when all are the same. */
export function differences(expected: Checksums, actual: Checksums): string[] {
  const names = new Set([...Object.keys(expected), ...Object.keys(actual)]);
  return [...names].flatMap((name) => {
    const [was, is] = [expected[name], actual[name]];
    if (was?.digest === is?.digest && was?.rows === is?.rows) return [];
    return [`${name}: ${was?.rows ?? 'no'} rows in the backup, ${is?.rows ?? 'no'} restored`];
  });
}
