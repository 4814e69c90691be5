import type { LocalPorts } from './local-ports.ts';
import type { LocalTokens } from './local-tokens.ts';
import { print, styled } from './screen.ts';

/** Says where events and checks go, and the block that LiteLLM's config needs. */
export function printConnectHints(of: { readonly ports: LocalPorts; readonly tokens: LocalTokens }): void {
  const ingest = `http://127.0.0.1:${of.ports.ingest}`;
  const enforcer = `http://127.0.0.1:${of.ports.enforcer}`;
  const ingestToken = of.tokens.known.INGEST_TOKENS ?? 'YOUR-INGEST-TOKEN';
  const checkToken = of.tokens.known.ENFORCER_TOKENS ?? 'YOUR-CHECK-TOKEN';
  print();
  print(`  events    POST ${ingest}/v1/events`);
  print(`  checks    POST ${enforcer}/v1/check`);
  print(`  health    ${ingest}/readyz, ${enforcer}/readyz, http://127.0.0.1:${of.ports.jobs}/readyz`);
  print();
  print(styled('bold', 'Paste this into the config.yaml of LiteLLM:'));
  print();
  for (const line of liteLlmBlock({ endpoint: `${ingest}/v1/events`, token: ingestToken }))
    print(`    ${line}`);
  print();
  print(styled('bold', 'Ask whether a customer may call a model:'));
  print();
  print(`    curl -s ${enforcer}/v1/check -H 'Authorization: Bearer ${checkToken}' \\`);
  print(`      -H 'Content-Type: application/json' \\`);
  print(`      -d '{"end_user":"john@company.com","model":"gpt-4o-mini"}'`);
  print();
}

/** The block of LiteLLM's config.yaml that sends every spend event here. */
export function liteLlmBlock(of: { readonly endpoint: string; readonly token: string }): readonly string[] {
  return [
    'litellm_settings:',
    "  callbacks: ['spendgate_events']",
    '  turn_off_message_logging: true',
    'callback_settings:',
    '  spendgate_events:',
    '    callback_type: generic_api',
    `    endpoint: ${of.endpoint}`,
    `    headers: { Authorization: 'Bearer ${of.token}' }`,
  ];
}
