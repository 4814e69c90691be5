// npm run build: every package and service to its dist/, which runs on plain Node without the sources. turbo knows the
// order and what is still current. `npm run build -- --force` builds all of it anew.
import { spawnSync } from 'node:child_process';
import { delimiter, join } from 'node:path';
import { REPOSITORY } from '@spendgate/testkit/servers';

const BIN = join(REPOSITORY, 'node_modules', '.bin');

const built = spawnSync(
  join(BIN, 'turbo'),
  ['run', 'build', '--no-update-notifier', ...process.argv.slice(2)],
  {
    cwd: REPOSITORY,
    stdio: 'inherit',
    env: {
      ...process.env,
      PATH: `${BIN}${delimiter}${process.env['PATH'] ?? ''}`,
      // Nothing is told to its maker, and so nothing needs to be announced either.
      TURBO_TELEMETRY_DISABLED: '1',
    },
  },
);
if (built.error !== undefined) throw built.error;
process.exitCode = built.status ?? 1;
