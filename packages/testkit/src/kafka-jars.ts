import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findProgram } from './find-program.ts';
import { REPOSITORY } from './repository.ts';

const KAFKA = '4.1.0';
const POM = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>spendgate</groupId><artifactId>kafka-for-tests</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>${KAFKA}</version></dependency>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka-tools</artifactId><version>${KAFKA}</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version></dependency>
  </dependencies>
</project>
`;

/**
 * A folder with Kafka's own jars, fetched once from Maven Central into `.cache/`.
 * @throws Error saying what to install.
 */
export function kafkaJars(say: (line: string) => void): string {
  const jars = join(REPOSITORY, '.cache', `kafka-${KAFKA}`);
  if (existsSync(jars)) return jars;
  const maven = findProgram('mvn');
  if (maven === undefined) throw new Error(`Kafka for the tests needs Maven (mvn). ${kafkaAdvice}`);
  const half = `${jars}.${process.pid}`;
  mkdirSync(half, { recursive: true });
  writeFileSync(join(half, 'pom.xml'), POM);
  say(`Fetching Kafka ${KAFKA} from Maven Central (54 MB, once)`);
  const args = [
    '-B',
    '-q',
    '-f',
    join(half, 'pom.xml'),
    'dependency:copy-dependencies',
    `-DoutputDirectory=${half}`,
  ];
  const ran = spawnSync(maven, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 300_000,
  });
  if (ran.status !== 0 || !readdirSync(half).some((file) => file.startsWith('kafka_2.13'))) {
    rmSync(half, { recursive: true, force: true });
    throw new Error(`Maven could not fetch Kafka. ${kafkaAdvice}\n${ran.stdout}${ran.stderr}`);
  }
  if (existsSync(jars)) rmSync(half, { recursive: true, force: true });
  else renameSync(half, jars);
  return jars;
}

export const kafkaAdvice =
  'Install Java 17 or newer and Maven (Debian: apt-get install openjdk-17-jre-headless maven), or start Docker, or set TEST_KAFKA_BROKERS, or leave these tests out with SKIP_KAFKA=1.';
