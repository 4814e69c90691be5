import { randomBytes } from 'node:crypto';
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Kafka, logLevel } from 'kafkajs';
import { findProgram } from './find-program.ts';
import { freePort } from './free-port.ts';
import { kafkaAdvice, kafkaJars } from './kafka-jars.ts';
import { bareEnvironment } from './repository.ts';
import { spawnServer } from './spawn-server.ts';
import type { ServerProcess } from './spawn-server.ts';
import type { StartedServer } from './start-postgres.ts';
import { waitFor } from './wait-for.ts';

const JAVA_OPTIONS = [
  '-Xmx512m',
  '-XX:+UseSerialGC',
  '-XX:TieredStopAtLevel=1',
  '-Djava.net.preferIPv4Stack=true',
];

/**
 * Starts one Kafka node (KRaft) from its own jars with the machine's Java; ready in about six seconds. Topics are made
 * by name only, never by being asked for. Its data is thrown away. `url` is the broker's `host:port`.
 * @throws Error saying what to install.
 */
export async function startKafka(of: {
  readonly dataDir: string;
  readonly say?: (line: string) => void;
}): Promise<StartedServer> {
  const java = findJava();
  const jars = kafkaJars(of.say ?? (() => undefined));
  mkdirSync(of.dataDir, { recursive: true });
  const port = await freePort();
  const settings = join(of.dataDir, 'server.properties');
  writeFileSync(settings, properties({ dataDir: of.dataDir, port, controllerPort: await freePort() }));
  // What a Kafka "uuid" is: 16 bytes in URL-safe base64, not beginning with a dash.
  const clusterId = `s${randomBytes(16).toString('base64url').slice(1)}`;
  const env = bareEnvironment();
  const common = [...JAVA_OPTIONS, '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn', '-cp', `${jars}/*`];
  const format = [...common, 'kafka.tools.StorageTool', 'format', '-t', clusterId, '-c', settings];
  const formatted = spawnSync(java, format, { encoding: 'utf8', env, cwd: of.dataDir, timeout: 60_000 });
  if (formatted.status !== 0)
    throw new Error(`Kafka's storage was not made:\n${formatted.stdout}${formatted.stderr}`);
  const args = [...common, 'kafka.Kafka', settings];
  const server = await spawnServer({ command: java, args, env, cwd: of.dataDir });
  await untilReady(server, `127.0.0.1:${port}`);
  return {
    url: `127.0.0.1:${port}`,
    how: 'Kafka 4.1.0 (jars from Maven Central)',
    stop: async () => {
      // Nothing of it is kept, so it need not end in order, which would take seconds.
      server.signal('SIGKILL');
      await server.exited;
      rmSync(of.dataDir, { recursive: true, force: true });
    },
  };
}

function findJava(): string {
  const home = process.env['JAVA_HOME'];
  const java = home === undefined ? findProgram('java') : join(home, 'bin', 'java');
  if (java === undefined) throw new Error(`Kafka for the tests needs Java. ${kafkaAdvice}`);
  const told = spawnSync(java, ['-version'], { encoding: 'utf8', timeout: 30_000 });
  const major = Number.parseInt(told.stderr?.match(/version "(\d+)/)?.[1] ?? '0', 10);
  if (major < 17)
    throw new Error(`Kafka for the tests needs Java 17 or newer; ${java} is older. ${kafkaAdvice}`);
  return java;
}

function properties(of: {
  readonly dataDir: string;
  readonly port: number;
  readonly controllerPort: number;
}): string {
  const settings: Readonly<Record<string, string | number>> = {
    'process.roles': 'broker,controller',
    'node.id': 1,
    listeners: `PLAINTEXT://127.0.0.1:${of.port},CONTROLLER://127.0.0.1:${of.controllerPort}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${of.port}`,
    'controller.listener.names': 'CONTROLLER',
    'controller.quorum.voters': `1@127.0.0.1:${of.controllerPort}`,
    'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT',
    'log.dirs': join(of.dataDir, 'log'),
    'auto.create.topics.enable': 'false',
    'group.initial.rebalance.delay.ms': 0,
    'offsets.topic.replication.factor': 1,
    'offsets.topic.num.partitions': 4,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'transaction.state.log.num.partitions': 4,
    'share.coordinator.state.topic.replication.factor': 1,
    'share.coordinator.state.topic.min.isr': 1,
    'log.cleaner.dedupe.buffer.size': 4_194_304,
  };
  return Object.entries(settings)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');
}

async function untilReady(server: ServerProcess, broker: string): Promise<void> {
  const kafka = new Kafka({
    clientId: 'spendgate-testkit',
    brokers: [broker],
    logLevel: logLevel.NOTHING,
    connectionTimeout: 1_000,
    requestTimeout: 5_000,
    retry: { retries: 0 },
  });
  const ready = async (): Promise<boolean> => {
    if (server.hasExited()) return true;
    const admin = kafka.admin();
    try {
      await admin.connect();
      return (await admin.describeCluster()).brokers.length > 0;
    } finally {
      await admin.disconnect();
    }
  };
  await waitFor(ready, { what: `Kafka to answer\n${server.output()}`, timeoutMs: 90_000, intervalMs: 200 });
  if (server.hasExited()) throw new Error(`Kafka ended right after its start:\n${server.output()}`);
}
