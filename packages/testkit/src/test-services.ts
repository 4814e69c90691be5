import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { administer, databaseUrl } from './administer.ts';
import {
  dockerAnswers,
  startKafkaContainer,
  startPostgresContainer,
  startRedisContainer,
} from './containers.ts';
import { PINNED_NODE, REPOSITORY, bareEnvironment } from './repository.ts';
import { spawnServer } from './spawn-server.ts';
import { startKafka } from './start-kafka.ts';
import { startPostgres } from './start-postgres.ts';
import type { StartedServer } from './start-postgres.ts';
import { startRedis } from './start-redis.ts';
import { throwAwayFolder } from './throw-away-folder.ts';

export const TEST_SERVICES = ['postgres', 'template', 'redis', 'kafka'] as const;
export type TestService = (typeof TEST_SERVICES)[number];

/** The stores that tests run on, each started when it is first asked for, and only once. */
export interface TestServices {
  /** A URL, or brokers, or for `template` the name of the migrated database to clone. @throws Error saying what to install. */
  address(service: TestService): Promise<string>;
  /** Stops what was started here, and nothing else. */
  stop(): Promise<void>;
}

const say = (line: string): void => void process.stderr.write(`  · ${line}\n`);

export function createTestServices(): TestServices {
  const stops: (() => Promise<void>)[] = [];
  const started = new Map<TestService, Promise<string>>();
  const folder = (name: string): string => join(throwAwayFolder(), name);
  const own = async (name: string, start: () => Promise<StartedServer>): Promise<string> => {
    const beganAt = performance.now();
    const server = await start();
    stops.push(() => server.stop());
    say(`${name}: ${server.how}, ready after ${((performance.now() - beganAt) / 1000).toFixed(1)} s`);
    return server.url;
  };
  const begin: Readonly<Record<TestService, () => Promise<string>>> = {
    postgres: async () =>
      process.env['TEST_DATABASE_URL'] ??
      (await own('PostgreSQL', async () =>
        orContainer(startPostgresContainer, () =>
          startPostgres({ dataDir: folder('postgres'), throwAway: true, say }),
        ),
      )),
    template: async () => {
      const made = await makeTemplate(await address('postgres'));
      stops.push(made.remove);
      return made.name;
    },
    redis: async () =>
      process.env['TEST_REDIS_URL'] ??
      (await own('Redis', async () => {
        const options = { dataDir: folder('redis'), throwAway: true, say };
        return await orContainer(
          () => startRedisContainer(options),
          () => startRedis(options),
        );
      })),
    kafka: async () =>
      process.env['TEST_KAFKA_BROKERS'] ??
      (await own('Kafka', async () =>
        orContainer(startKafkaContainer, () => startKafka({ dataDir: folder('kafka'), say })),
      )),
  };
  const address = (service: TestService): Promise<string> => {
    const known = started.get(service) ?? begin[service]();
    started.set(service, known);
    return known;
  };
  return {
    address,
    stop: async () => {
      for (const stop of stops.toReversed()) await stop();
    },
  };
}

/** A container where Docker answers and has the image, else what the machine has. */
async function orContainer(
  fromDocker: () => Promise<StartedServer>,
  local: () => Promise<StartedServer>,
): Promise<StartedServer> {
  if (!(await dockerAnswers())) return await local();
  try {
    return await fromDocker();
  } catch (error) {
    say(`Not from Docker: ${error instanceof Error ? error.message : String(error)}`);
    return await local();
  }
}

async function makeTemplate(
  adminUrl: string,
): Promise<{ readonly name: string; readonly remove: () => Promise<void> }> {
  const name = `spendgate_template_${randomBytes(6).toString('hex')}`;
  await administer(adminUrl, `CREATE DATABASE ${name}`);
  await migrateApart(databaseUrl(adminUrl, name));
  return {
    name,
    remove: () => administer(adminUrl, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`),
  };
}

// In a process of its own: the migrations run as they do in production, outside of vitest's way of loading modules.
async function migrateApart(url: string): Promise<void> {
  const program =
    "import { migrate } from '@spendgate/ledger'; await migrate({ databaseUrl: process.env.DATABASE_URL });";
  const args = ['--conditions=@spendgate/source', '--input-type=module', '--eval', program];
  const env = { ...bareEnvironment(), DATABASE_URL: url };
  const migration = await spawnServer({
    command: PINNED_NODE,
    args,
    env,
    cwd: join(REPOSITORY, 'packages', 'testkit'),
  });
  const { code } = await migration.exited;
  if (code !== 0) throw new Error(`The migrations failed:\n${migration.output()}`);
}
