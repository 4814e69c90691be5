import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { TestProject } from 'vitest/node';
import { TEST_SERVICES, createTestServices } from './test-services.ts';
import type { TestService, TestServices } from './test-services.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Where a worker asks for the address of a store, which starts it when nobody has yet. */
    readonly spendgateServices: string;
  }
}

interface Run {
  readonly services: TestServices;
  readonly server: Server;
  readonly url: string;
  users: number;
}

// All projects of a run share the stores, although each loads this file anew.
declare global {
  var spendgateTestRun: Promise<Run> | undefined;
}

// What a test's file mentions is started before the tests, so that their time limits are about themselves.
const MENTIONS: readonly (readonly [RegExp, TestService])[] = [
  [/pgTest|storesTest|databaseUrl/, 'template'],
  [/redisTest|storesTest|redisUrl/, 'redis'],
  [/kafkaTest|kafkaBrokers/, 'kafka'],
];

/** Vitest calls this once for each project of the run whose tests need real stores. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  globalThis.spendgateTestRun ??= begin();
  const run = await globalThis.spendgateTestRun;
  run.users += 1;
  project.provide('spendgateServices', run.url);
  const { testFiles } = await project.globTestFiles(namedFiles());
  const texts = testFiles.map((file) => readFileSync(file, 'utf8'));
  const wanted = MENTIONS.filter(
    ([mention, service]) => !isLeftOut(service) && texts.some((text) => mention.test(text)),
  );
  // A store that does not start fails the tests that need it, with the reason, and no others.
  await Promise.allSettled(wanted.map(([, service]) => run.services.address(service)));
  return async () => {
    run.users -= 1;
    if (run.users > 0) return;
    globalThis.spendgateTestRun = undefined;
    run.server.closeAllConnections();
    run.server.close();
    await run.services.stop();
  };
}

// Vitest's own notion of the files named on its command line is not public.
function namedFiles(): string[] | undefined {
  const named = process.argv.slice(2).filter((word) => /[/.]/.test(word) && !word.startsWith('-'));
  return named.length === 0 ? undefined : named;
}

function isLeftOut(service: TestService): boolean {
  return service === 'kafka' && process.env['SKIP_KAFKA'] === '1';
}

async function begin(): Promise<Run> {
  const services = createTestServices();
  const server = createServer((request, response) => {
    const service = TEST_SERVICES.find((name) => request.url === `/${name}`);
    const answer = (status: number, text: string): void => void response.writeHead(status).end(text);
    if (service === undefined) return answer(404, 'There is no such service.');
    services.address(service).then(
      (address) => answer(200, address),
      (error: unknown) =>
        answer(500, error instanceof Error ? (error.stack ?? error.message) : String(error)),
    );
  });
  await new Promise<void>((resolve) => server.listen({ host: '127.0.0.1', port: 0 }, resolve));
  const bound = server.address();
  if (bound === null || typeof bound === 'string') throw new Error('The system gave no port.');
  return { services, server, url: `http://127.0.0.1:${bound.port}`, users: 0 };
}
