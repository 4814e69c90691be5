import { createLogger } from '@spendgate/observability';
import { closeGracefully, listen, runService } from '@spendgate/runtime';
import { parseConfig } from './config.ts';
import { connectStores } from './connect-stores.ts';
import { createEnforcer } from './create-enforcer.ts';

await runService('enforcer', async (life) => {
  const config = parseConfig(process.env);
  const logger = createLogger({ service: 'enforcer', level: config.logLevel });
  life.configure({ logger, shutdownTimeoutMs: config.shutdownTimeoutMs });
  if (!config.policy.enforced) {
    logger.warn('LLM_PROXY_BUDGET_CHECK_ENABLED is off: every check is allowed');
  }
  const stores = life.own('redis', await connectStores(config, logger), (opened) => opened.close());
  const enforcer = life.own(
    'rules',
    await createEnforcer({ config, stores, logger, stopping: () => life.stopping }),
    (opened) => opened.close(),
  );
  life.own('http', await listen(enforcer.server, config), closeGracefully);
});
