import { parseRedisUrl } from '../../plugins/redis/url.ts';
import { type RuleContext, report } from './context.ts';

/** Checks the URL of Redis. Messages quote nothing of it: it may hold a password. */
export function checkRedis(context: RuleContext): void {
  const { redis_url: url } = context.draft;
  if (url === undefined) return;
  const place = parseRedisUrl(url);
  if ('message' in place) report(context, ['redis_url'], place.message, place.hint);
}
