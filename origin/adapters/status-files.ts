import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { StatusFile } from '../status.ts';

const require = createRequire(import.meta.url);
const own = (name: string) => readFileSync(new URL(`../status/${name}`, import.meta.url), 'utf8');
/** The charts are uPlot's, as its package has them: nothing is built. */
const charts = (name: string) => readFileSync(require.resolve(`uplot/dist/${name}`), 'utf8');

/** The page and what it loads, by path; read once. */
export function readStatusFiles(): ReadonlyMap<string, StatusFile> {
  return new Map([
    ['/status', { type: 'text/html', text: own('page.html') }],
    ['/status/icon.svg', { type: 'image/svg+xml', text: own('icon.svg') }],
    ['/status/page.css', { type: 'text/css', text: own('page.css') }],
    ['/status/page.js', { type: 'text/javascript', text: own('page.js') }],
    ['/status/uplot.css', { type: 'text/css', text: charts('uPlot.min.css') }],
    ['/status/uplot.js', { type: 'text/javascript', text: charts('uPlot.iife.min.js') }],
  ]);
}
