import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { UsageQuerySchema, UsageSchema } from '../../schemas/admin-usage.ts';
import { answerUsage, jsonOrCsv, type LedgerSource } from '../ledger-answers.ts';

export interface AdminUsageOptions {
  readonly usage: LedgerSource;
}

/** `GET /admin/v1/usage`: a team's admin sees its team. */
export const adminUsageRoutes: FastifyPluginAsyncTypebox<AdminUsageOptions> = async (app, { usage }) => {
  app.get(
    '/admin/v1/usage',
    {
      config: { auth: 'admin', action: 'usage.get', teamScoped: true },
      schema: {
        summary: 'Usage',
        description:
          'Sums over attempts that have ended, by the time at which their calls were let in. Whole days UTC; hours where from or to is in the last eight days.',
        tags: ['admin'],
        querystring: UsageQuerySchema,
        response: { 200: jsonOrCsv(UsageSchema, 'Sums by group.') },
      },
    },
    (request, reply) => answerUsage(usage, request, reply, { team: request.adminScope.team, key: null }),
  );
};
