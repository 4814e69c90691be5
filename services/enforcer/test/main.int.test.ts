import { expect } from 'vitest';
import { publishedRules, redisTest, startService } from '@spendgate/testkit';
import { countedCopy } from './counted-copy.ts';

redisTest(
  'starts from its environment alone, answers, and ends cleanly on SIGTERM',
  async ({ redis, redisUrl }) => {
    const copy = countedCopy(redis);
    await copy.publish(publishedRules());
    await copy.setState(1);
    const service = await startService('enforcer', {
      env: { REDIS_URL: redisUrl, ENFORCER_TOKENS: 'litellm:check-token', CHECK_TIMEOUT_MS: '2000' },
    });
    const answer = await fetch(`${service.url}/v1/check?end_user=secretive%40company.com`, {
      headers: { authorization: 'Bearer check-token' },
    });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(await answer.json()).toMatchObject({ allowed: true, enforced: false, degraded: false });
    expect(await service.stop()).toMatchObject({ code: 0 });
    expect(service.output()).not.toMatch(/secretive|check-token/u);
  },
);

redisTest(
  'refuses to start without a token or with development tokens off loopback',
  async ({ redisUrl }) => {
    const env = { REDIS_URL: redisUrl };
    await expect(startService('enforcer', { env })).rejects.toThrow('ENFORCER_TOKENS');
    const exposed = { ...env, HOST: '0.0.0.0', ENFORCER_TOKENS: 'litellm:dev-check-token' };
    await expect(startService('enforcer', { env: exposed })).rejects.toThrow('development token');
  },
);
