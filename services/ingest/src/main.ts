import { createLogger } from '@spendgate/observability';
import { closeGracefully, listen, runService } from '@spendgate/runtime';
import { parseConfig } from './config.ts';
import { connectPorts } from './connect-ports.ts';
import { createIngest } from './create-ingest.ts';

await runService('ingest', async (life) => {
  const config = parseConfig(process.env);
  const logger = createLogger({ service: 'ingest', level: config.logLevel });
  life.configure({ logger, shutdownTimeoutMs: config.shutdownTimeoutMs });
  const ports = life.own('stores', await connectPorts(config, logger), (opened) => opened.close());
  const ingest = life.own(
    'events in work',
    await createIngest({ config, ports, logger, stopping: () => life.stopping }),
    (opened) => opened.close(),
  );
  life.own('http', await listen(ingest.server, config), closeGracefully);
});
