import type {
  AdjustmentResult,
  EventOutcome,
  Ledger,
  LedgerBatch,
  LedgerResult,
} from '@spendgate/application';
import { invariant } from '@spendgate/domain';
import { z } from 'zod';
import { textArray, timestampArray } from './array-parameter.ts';
import { toBatchParameters } from './batch-parameters.ts';
import { sumCharges } from './charge-sums.ts';
import { countersFrom, parseCounters } from './counter-values.ts';
import type { SessionPool } from './session-pool.ts';

const RECORD_PARAMETERS = 32;
const recordStatement = {
  name: 'record_batch',
  text: `SELECT epoch, outcomes, spent, versions, counters FROM spendgate.record_batch(${placeholders(RECORD_PARAMETERS)})`,
};
const recordRow = z.object({
  epoch: z.string(),
  /** Null when every event is new; `counters` is then null as well, and the arrays hold the answer. */
  outcomes: z.string().nullable(),
  spent: z.string().nullable(),
  versions: z.string().nullable(),
  counters: z.string().nullable(),
});

const adjustStatement = {
  name: 'adjust',
  text: `SELECT epoch, recorded, counters FROM spendgate.adjust(${placeholders(11)})`,
};
const adjustRow = z.object({ epoch: z.string(), recorded: z.boolean(), counters: z.string() });

/** The ledger on PostgreSQL: each call is one database function, which is one transaction. */
export function createLedger(sessions: SessionPool): Ledger {
  return {
    async record(batch) {
      invariant(hasDistinctIds(batch), 'a batch holds each event id once');
      const charges = sumCharges(batch.events, batch.stripe);
      const row = await sessions.row(recordRow, {
        ...recordStatement,
        values: toBatchParameters(batch, charges),
      });
      const epoch = Number(row.epoch);
      if (row.outcomes === null || row.counters === null) {
        return {
          epoch,
          outcomes: batch.events.map(() => 'recorded'),
          counters: countersFrom(charges.sums, row),
        };
      }
      return toMixedResult(batch, { epoch, outcomes: row.outcomes, counters: row.counters });
    },
    async adjust({ rulesVersion, adjustment }): Promise<AdjustmentResult> {
      const { charges } = adjustment;
      const row = await sessions.row(adjustRow, {
        ...adjustStatement,
        values: [
          rulesVersion,
          adjustment.id,
          adjustment.kind,
          adjustment.eventId,
          adjustment.amountNanoUsd.toString(),
          adjustment.effectiveAt.toISOString(),
          adjustment.actor,
          adjustment.note,
          textArray(charges.map((charge) => charge.subject)),
          textArray(charges.map((charge) => charge.period)),
          timestampArray(charges.map((charge) => charge.periodEnd)),
        ],
      });
      return {
        epoch: Number(row.epoch),
        outcome: row.recorded ? 'recorded' : 'duplicate',
        counters: parseCounters(row.counters),
      };
    },
  };
}

function toMixedResult(
  batch: LedgerBatch,
  answer: { readonly epoch: number; readonly outcomes: string; readonly counters: string },
): LedgerResult {
  invariant(
    answer.outcomes.length === batch.events.length,
    'the database answers one outcome for each event',
  );
  return {
    epoch: answer.epoch,
    outcomes: Array.from(answer.outcomes, toOutcome),
    counters: parseCounters(answer.counters),
  };
}

function toOutcome(letter: string): EventOutcome {
  if (letter === 'r') return 'recorded';
  if (letter === 'd') return 'duplicate';
  invariant(letter === 'c', `unknown outcome ${letter}`);
  return 'id_conflict';
}

function hasDistinctIds(batch: LedgerBatch): boolean {
  return new Set(batch.events.map(({ event }) => event.id)).size === batch.events.length;
}

function placeholders(count: number): string {
  return Array.from({ length: count }, (_, index) => `$${index + 1}`).join(', ');
}
