// How much of what is asked becomes one statement: of the canonical operations, and of generated ones, whose answers by both paths are compared.
import '../../src/server/graph.ts';
import { PERMISSIONS } from '../../src/access/permissions.ts';
import type { Viewer } from '../../src/access/viewer.ts';
import { openLog } from '../../src/events/log.ts';
import { makeGraph } from '../../src/graphql/execute.ts';
import { setClock } from '../../src/platform/clock.ts';
import { inWorkspace, openPool } from '../../src/platform/db.ts';
import { differ } from '../../tests/graphql/differential.ts';
import { row, type Bench } from '../bench.ts';
import { canonicalQueries } from '../canonical.ts';
import { WORKSPACE } from '../data.ts';

const SEED = 1;
/** Declined for what the caller did: the compiled path has no answer to give, and the loaders word the error. */
const ERRORS = /^(refused before it ran|an error to word|arguments in error)/;

export const compiled: Bench = {
  names: ['compiled.share'],
  async run(context) {
    const data = await context.data();
    const pool = (role: 'throughline_app' | 'throughline_system') => openPool({ url: data.url, role, max: 4, applicationName: 'bench' });
    const [app, system] = [pool('throughline_app'), pool('throughline_system')];
    // Figures of this moment must be the same by both paths.
    const at = Date.parse('2026-01-15T12:00:00.000Z');
    const putBack = setClock(() => at);
    try {
      await openLog(system);
      const [member] = await inWorkspace(app, WORKSPACE, (tx) => tx<{ id: string }[]>`select id from members where workspace_id = ${WORKSPACE}`);
      const agent: Viewer = {
        workspaceId: WORKSPACE, role: 'ADMIN', permissions: new Set(PERMISSIONS), actor: { workspaceId: WORKSPACE, kind: 'MEMBER', id: member!.id }, memberId: member!.id,
        identityIds: data.visitorIds.slice(0, 2), accountId: null, permissionKey: 'all', expiresAtMs: null,
      };
      const log = () => {};
      const graph = await makeGraph({ read: app, write: app, log });
      const oracle = await makeGraph({ read: app, write: app, log, path: 'loaders' });
      const operations = canonicalQueries(data);
      let whole = 0;
      for (const { name, source, variables, byVisitor } of operations) {
        const viewer: Viewer = byVisitor ? { ...agent, role: 'VISITOR', memberId: null, accountId: data.chatAccountId } : agent;
        const answers = await Promise.all(variables.slice(0, 5).map((each) => graph.query(source, viewer, each)));
        const not = answers.find((answer) => answer.path !== 'compiled');
        if (not) context.say(`  ${name} is not compiled: ${not.declined ?? JSON.stringify(not.errors).slice(0, 300)}`);
        else whole++;
      }
      const report = await differ({ compiled: graph, oracle, viewers: [agent], seed: SEED, operations: context.quick ? 100 : 1_500 });
      const errors = Object.entries(report.declined).reduce((sum, [why, times]) => sum + (ERRORS.test(why) ? times : 0), 0);
      context.say(`  ${report.operations} generated operations, ${report.runs} runs, ${errors} of them with errors of their own; declined: ${JSON.stringify(report.declined)}`);
      for (const fault of report.faults.slice(0, 2)) context.say(`  ${fault.what}: ${fault.source} ${JSON.stringify(fault.variables)}`);
      return [
        row('compiled.share', whole / operations.length, 'share', '= 1'),
        row('compiled.share.generated', report.compiled / (report.runs - errors), 'share', '>= 0.8'),
        row('compiled.share.differing', report.faults.length, 'answers', '= 0'),
      ];
    } finally {
      putBack();
      await Promise.all([app.end({ timeout: 5 }), system.end({ timeout: 5 })]);
    }
  },
};
