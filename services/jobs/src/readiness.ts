import type { CounterCopy, RulesCopy, RulesLedger } from '@spendgate/application';
import { checkHealth } from '@spendgate/observability';
import type { HealthCheck, Readiness } from '@spendgate/observability';

export interface ReadinessPorts {
  readonly ledger: { ping(): Promise<void>; assertSchemaCurrent(): Promise<void> };
  readonly copy: Pick<CounterCopy, 'states'>;
  readonly rules: Pick<RulesLedger, 'find'>;
  readonly rulesCopy: Pick<RulesCopy, 'find'>;
}

/** A sweep that was late by a few seconds is no reason to be taken out of service. */
const SWEEP_SLACK_MS = 10_000;
const SWEEPS_MISSED = 5;

/**
 * Ready when both stores answer, the schema is current, Redis holds the published rules, and every bucket
 * was swept of late by some instance. The last two heal within seconds once the stores answer.
 */
export function createReadiness(
  ports: ReadinessPorts,
  of: { readonly sweepIntervalMs: number; readonly now: () => Date },
): Readiness {
  return async () => {
    const states = ports.copy.states();
    return Promise.all([
      checkHealth('postgresql', async () => ports.ledger.ping()),
      checkHealth('redis', async () => states),
      checkHealth('schema', async () => ports.ledger.assertSchemaCurrent()),
      checkRules(ports),
      checkSweep(states, of),
    ]);
  };
}

async function checkRules(ports: ReadinessPorts): Promise<HealthCheck> {
  const name = 'rules';
  try {
    const [published, held] = await Promise.all([ports.rules.find(), ports.rulesCopy.find()]);
    if (published === undefined) return { name, ok: false, detail: 'none published' };
    if (held?.text !== published.text) return { name, ok: false, detail: 'Redis has other ones' };
    return { name, ok: true, detail: `version ${published.version}` };
  } catch {
    return { name, ok: false, detail: 'cannot be read' };
  }
}

async function checkSweep(
  states: ReturnType<CounterCopy['states']>,
  of: { readonly sweepIntervalMs: number; readonly now: () => Date },
): Promise<HealthCheck> {
  const name = 'sweep';
  try {
    const readings = await states;
    const oldestAtMs = of.now().getTime() - of.sweepIntervalMs * SWEEPS_MISSED - SWEEP_SLACK_MS;
    const behind = readings.filter(
      (reading) => reading === null || reading === 'unreachable' || reading.at.getTime() < oldestAtMs,
    ).length;
    return behind === 0 ? { name, ok: true } : { name, ok: false, detail: `${behind} buckets behind` };
  } catch {
    return { name, ok: false, detail: 'cannot be read' };
  }
}
