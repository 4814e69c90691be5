// Ingest as its own main.ts composes it, on ports of which every call is a step at which the process can kill itself.
// STEPS_FILE gets the steps that were reached; DIE_AT names the one to die at.
import { connectPorts, createIngest, parseConfig } from '@spendgate/ingest';
import { createLogger } from '@spendgate/observability';
import { closeGracefully, listen, runService } from '@spendgate/runtime';
import { createSteps, withSteps } from './steps.ts';

await runService('ingest', async (life) => {
  const config = parseConfig(process.env);
  const logger = createLogger({ service: 'ingest', level: config.logLevel });
  life.configure({ logger, shutdownTimeoutMs: config.shutdownTimeoutMs });
  const connected = life.own('stores', await connectPorts(config, logger), (opened) => opened.close());
  const steps = createSteps({
    file: process.env['STEPS_FILE'] ?? '/dev/null',
    dieAt: process.env['DIE_AT'],
  });
  const ports = withSteps(connected, { path: '', steps });
  const ingest = life.own(
    'events in work',
    await createIngest({ config, ports, logger, stopping: () => life.stopping }),
    (opened) => opened.close(),
  );
  life.own('http', await listen(ingest.server, config), closeGracefully);
});
