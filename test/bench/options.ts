import { parseArgs } from 'node:util';

/** The sections of the bench in the order they run, with the figures that each gives. */
const FIGURES = {
  'ingest-http': [
    'ingest_http_cpu_us_per_event',
    'ingest_http_cpu_us_per_event_batch10',
    'ingest_http_p50_ms_batch10_at_40_per_s',
  ],
  'ingest-kafka': ['ingest_kafka_cpu_us_per_event', 'ingest_kafka_events_per_s'],
  check: ['check_cpu_us', 'check_p99_ms', 'check_p50_ms_at_500_per_s'],
  growth: ['check_growth_ratio', 'redis_bytes_per_customer'],
  rebuild: ['rebuild_rows_per_s'],
  'ledger-growth': ['ledger_growth_ratio'],
} as const;
export type Section = keyof typeof FIGURES;
const SECTIONS = [
  'ingest-http',
  'ingest-kafka',
  'check',
  'growth',
  'rebuild',
  'ledger-growth',
] as const satisfies readonly Section[];

/** How much is done. `quick` shows that everything works; its figures are rough. */
export interface BenchSizes {
  readonly rounds: number;
  readonly eventsPerRound: number;
  readonly eventsPerRoundOfSmallBatches: number;
  readonly checksPerRound: number;
  readonly fewCustomers: number;
  readonly manyCustomers: number;
  readonly ledgerRows: number;
  readonly rebuildRows: number;
}

export interface BenchOptions {
  readonly sections: readonly Section[];
  readonly quick: boolean;
  /** A folder for the services' CPU profiles; null takes none. */
  readonly profileDir: string | null;
  readonly sizes: BenchSizes;
}

const FULL: BenchSizes = {
  rounds: 5,
  eventsPerRound: 12_000,
  eventsPerRoundOfSmallBatches: 6_000,
  checksPerRound: 20_000,
  fewCustomers: 1_000,
  manyCustomers: 1_000_000,
  ledgerRows: 5_000_000,
  rebuildRows: 1_000_000,
};

const QUICK: BenchSizes = {
  rounds: 2,
  eventsPerRound: 4_000,
  eventsPerRoundOfSmallBatches: 2_000,
  checksPerRound: 5_000,
  fewCustomers: 1_000,
  manyCustomers: 50_000,
  ledgerRows: 100_000,
  rebuildRows: 50_000,
};

/** @throws Error naming the sections there are, when `--only` names no section and no figure. */
export function parseOptions(args: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string', multiple: true, default: [] },
      quick: { type: 'boolean', default: false },
      profile: { type: 'string' },
    },
  });
  return {
    sections: values.only.length === 0 ? SECTIONS : [...new Set(values.only.map(parseSection))],
    quick: values.quick,
    profileDir: values.profile ?? null,
    sizes: values.quick ? QUICK : FULL,
  };
}

function parseSection(text: string): Section {
  const section = SECTIONS.find(
    (known) => known === text || FIGURES[known].some((figure) => figure === text),
  );
  if (section === undefined)
    throw new Error(`--only takes a figure or one of ${SECTIONS.join(', ')}, not ${text}`);
  return section;
}
