// `npm start -w @spendgate/<service>`: runs the workspace's own file, named relative to its folder, as bootstrap.mjs
// runs the project's scripts. npm has made the workspace's folder the current one.
import { resolve } from 'node:path';
import { bootstrap } from './bootstrap.mjs';

const [file = 'src/main.ts', ...args] = process.argv.slice(2);
await bootstrap({ file: resolve(file), args });
