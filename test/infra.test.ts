import { readFileSync } from 'node:fs';
import { parseBudgetsConfig, parseSpendgateConfig } from '@spendgate/config';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { liteLlmBlock } from '../scripts/connect-hints.ts';

const read = (path: string): string => readFileSync(new URL(`../infra/${path}`, import.meta.url), 'utf8');

it('has an example of the budgets file that is taken, with one budget of each category', () => {
  const parsed = parseBudgetsConfig(read('config/budgets-config.yaml'));
  expect(parsed).toMatchObject({ ok: true });
  const categories = parsed.ok ? parsed.catalogue.budgets.map((budget) => budget.category) : [];
  expect(categories).toEqual(['platform', 'cli', 'premium_models']);
});

it('has an example of the second file that is taken', () => {
  expect(parseSpendgateConfig(read('config/spendgate-config.yaml'))).toMatchObject({
    ok: true,
    settings: { timezone: 'Europe/Berlin', resetTime: '06:00' },
  });
});

it('has the LiteLLM block that the commands print, and it is YAML', () => {
  const text = read('litellm/spendgate-events.yaml');
  const block = liteLlmBlock({ endpoint: 'http://127.0.0.1:4100/v1/events', token: 'dev-ingest-token' });
  for (const line of block) expect(text).toContain(line);
  expect(parse(text)).toMatchObject({
    callback_settings: { spendgate_events: { callback_type: 'generic_api' } },
  });
});
