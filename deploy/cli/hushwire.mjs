#!/usr/bin/env node
// `hushwire <command>` is `npm run cli -- <command>`.
process.argv.splice(2, 0, 'cli');
await import('../local/boot.mjs');
