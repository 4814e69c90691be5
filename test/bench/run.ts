import { inspect } from 'node:util';
import type { BenchContext } from './bench-context.ts';
import { createBenchServers } from './bench-servers.ts';
import { meetsLimit } from './figure.ts';
import type { Figure } from './figure.ts';
import { measureCheck, measureCheckGrowth } from './measure-check.ts';
import { measureIngestHttp } from './measure-ingest-http.ts';
import { measureIngestKafka } from './measure-ingest-kafka.ts';
import { measureLedgerGrowth } from './measure-ledger-growth.ts';
import { measureRebuild } from './measure-rebuild.ts';
import { parseOptions } from './options.ts';
import type { Section } from './options.ts';
import { formatJsonLine, formatTable } from './report.ts';

const MEASURES: Readonly<Record<Section, (bench: BenchContext) => Promise<readonly Figure[]>>> = {
  'ingest-http': measureIngestHttp,
  'ingest-kafka': measureIngestKafka,
  check: measureCheck,
  growth: measureCheckGrowth,
  'ledger-growth': measureLedgerGrowth,
  rebuild: measureRebuild,
};

process.exitCode = await runBench(process.argv.slice(2));

/** Measures section after section and prints what was found; 1 when a section failed or, in a whole run, a figure is over its limit. */
async function runBench(args: readonly string[]): Promise<number> {
  const options = parseOptions(args);
  const startedMs = performance.now();
  const say = (line: string): void => {
    const seconds = (performance.now() - startedMs) / 1000;
    process.stderr.write(`[${seconds.toFixed(0).padStart(4)} s] ${line}\n`);
  };
  const servers = createBenchServers(say);
  const figures: Figure[] = [];
  const failures: string[] = [];
  const stopAtOnce = (): void => {
    void servers.stop().finally(() => process.exit(130));
  };
  process.once('SIGINT', stopAtOnce);
  process.once('SIGTERM', stopAtOnce);
  try {
    for (const section of options.sections) {
      say(`measuring ${section}`);
      try {
        figures.push(...(await MEASURES[section]({ servers, options, now: new Date(), say })));
      } catch (error) {
        failures.push(section);
        say(`${section} failed: ${inspect(error)}`);
      }
    }
  } finally {
    await servers.stop();
  }
  return report({ figures, failures, quick: options.quick });
}

function report(of: {
  readonly figures: readonly Figure[];
  readonly failures: readonly string[];
  readonly quick: boolean;
}): number {
  const missed = of.figures.filter((figure) => meetsLimit(figure) === false).map((figure) => figure.figure);
  const lines = [
    formatTable(of.figures),
    '',
    ...of.figures.map(formatJsonLine),
    '',
    ...(of.quick
      ? ['Quick run: small sizes and few rounds, so a limit that is missed does not fail it.']
      : []),
    ...(of.failures.length > 0 ? [`Failed to measure: ${of.failures.join(', ')}`] : []),
    missed.length > 0 ? `Over the limit: ${missed.join(', ')}` : 'No measured figure is over its limit.',
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
  return (missed.length > 0 && !of.quick) || of.failures.length > 0 ? 1 : 0;
}
