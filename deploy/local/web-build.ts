import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { NOT_BUNDLED } from './sdk-build.ts';
import { CHECKOUT } from './servers/checkout.ts';

/** What a phone on a slow line loads in two and a half seconds (400 kbit/s): the page, the SDK and MLS. */
export const WEB_GZIP_MAX_BYTES = 125 * 1024;

const SOURCE = join(CHECKOUT, 'edge', 'web');
const PAGE = 'page.html';

export interface WebBundle {
  /** Content by name. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly bytes: number;
  readonly gzipBytes: number;
}

/**
 * Builds the web messenger into a directory as the edge serves it. Earlier files go last, so that an edge that starts
 * meanwhile finds what its page names.
 */
export async function buildWeb(dir: string): Promise<WebBundle> {
  const bundle = await bundleWeb();
  await mkdir(dir, { recursive: true });
  const before = await readdir(dir);
  for (const [name, content] of bundle.files) await writeFile(join(dir, name), content);
  const stale = before.filter((name) => !bundle.files.has(name));
  for (const name of stale) await rm(join(dir, name), { recursive: true, force: true });
  return bundle;
}

/** The page, and what it loads under names that change with the content; the page comes last. */
export async function bundleWeb(): Promise<WebBundle> {
  const loaded = (await loadedFiles()).map((one) => ({ ...one, name: nameOf(one.file, one.content) }));
  const page = (await readFile(join(SOURCE, PAGE), 'utf8')).replaceAll(
    /\/app\/([\w.-]+)/g,
    (path, file: string) => `/app/${loaded.find((one) => one.file === file)?.name ?? path}`,
  );
  const files = new Map(loaded.map(({ name, content }) => [name, content]));
  files.set(PAGE, new TextEncoder().encode(page));
  const contents = [...files.values()];
  const sum = (sizes: readonly number[]) => sizes.reduce((total, size) => total + size, 0);
  return {
    files,
    bytes: sum(contents.map(({ length }) => length)),
    gzipBytes: sum(contents.map((content) => gzipSync(content).length)),
  };
}

async function loadedFiles(): Promise<{ readonly file: string; readonly content: Uint8Array }[]> {
  const { outputFiles } = await build({
    entryPoints: [join(SOURCE, 'main.tsx'), join(SOURCE, 'page.css')],
    outdir: SOURCE,
    bundle: true,
    minify: true,
    // Russian as it is: esbuild would write six characters for each letter.
    charset: 'utf8',
    format: 'esm',
    platform: 'browser',
    target: 'es2023',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    write: false,
    external: [...NOT_BUNDLED],
    logLevel: 'silent',
  });
  const built = outputFiles.map(({ path, contents }) => ({
    file: path.slice(SOURCE.length + 1),
    content: contents,
  }));
  return [...built, { file: 'icon.svg', content: await readFile(join(SOURCE, 'icon.svg')) }];
}

function nameOf(file: string, content: Uint8Array): string {
  const ending = extname(file);
  const hash = createHash('sha256').update(content).digest('hex').slice(0, 12);
  return `${file.slice(0, -ending.length)}-${hash}${ending}`;
}
