// The differential test must notice a compiler that is broken: each mutant changes one place of what only the compiled path uses.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { testDatabase, type TestDatabase } from '../harness/database.ts';
import { hexId, makeTables, viewerOf } from './tables.ts';

/* eslint-disable no-template-curly-in-string -- the text of templates */

/** File, what stands there, what stands there instead. The first six run always, all with MUTANTS=all. */
const MUTANTS: [string, string, string][] = [
  ['pieces.ts', 'json.includes(BROKEN)', 'false'],
  ['connection-writer.ts', 'page.backward || isAround ? ` order by', 'isAround ? ` order by'],
  ['connection-writer.ts', "isCounted ? ` filter (where ${within()})` : ''", "''"],
  ['sites.ts', 'given.page ? pageShape(given.page)', "given.page ? ''"],
  ['writer.ts', '[condition, ...reference(entity, alias, this.place)]', '[condition]'],
  ['compile.ts', "variables[name] ? '1' : '0'", "'0'"],
  ['pieces.ts', '[isNotNull ? json : `coalesce(${json}, ${missing})`]', '[json]'],
  ['pieces.ts', "const missing = nullable ? `'null'` : broken;", "const missing = `'null'`;"],
  ['pieces.ts', 'if (inner === null)', 'if (false)'],
  ['connection-writer.ts', 'text(String(page.before !== undefined))', "text('false')"],
  ['connection-writer.ts', 'least(${bound().high}, max', 'greatest(${bound().high}, max'],
  ['connection-writer.ts', 'beyond(`max(${row}._rn) > ${bound().high}`)', 'beyond(`max(${row}._rn) >= ${bound().high}`)'],
  ['connection-writer.ts', 'least(${total}.n, ${COUNT_MAX})', '${total}.n + 1'],
  ['sites.ts', "given.rows ? given.rows.shape : ''", "''"],
  ['sites.ts', 'if (site.isConstant) site.fixed = given;', 'site.fixed = given;'],
  ['compile.ts', "${nodeTypes.map((entity) => entity.name).join(' ')}", ''],
  [
    'writer.ts',
    "case ${source.column(target.by)} ${arms.join(' ')} else ${nullable ? `'null'` : broken} end",
    "case ${source.column(target.by)} ${arms.join(' ')} else '{}' end",
  ],
  ['writer.ts', 'if (row.isNotNull(first)) return pieces;', 'return pieces;'],
];
const chosen = process.env.MUTANTS === 'all' ? MUTANTS : MUTANTS.slice(0, 6);
const folder = fileURLToPath(new URL('.mutants/', import.meta.url));

let db: TestDatabase;
let workspaces: [string, string];
beforeAll(async () => {
  db = await testDatabase();
  workspaces = await makeTables(db);
  mkdirSync(folder, { recursive: true });
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await db.close();
});

it.each(chosen.map((mutant, index) => [...mutant, index] as const))(
  'a broken %s is noticed: %s -> %s',
  { timeout: 120_000 },
  async (file, from, to, index) => {
    const path = `../../src/graphql/${file}`;
    const source = readFileSync(new URL(path, import.meta.url), 'utf8');
    expect(source.split(from).length, `${from} stands in ${file} once`).toBe(2);
    const mutated = source
      .replace(from, () => to)
      .replaceAll(/from '\.\.\//g, "from '../../../src/")
      .replaceAll(/from '\.\//g, "from '../../../src/graphql/");
    const name = `${folder}${index}.ts`;
    writeFileSync(name, mutated);
    vi.resetModules();
    vi.doMock(path, () => import(/* @vite-ignore */ name));
    try {
      await import('./domain.ts');
      const { makeGraph } = await import('../../src/graphql/execute.ts');
      const { differ } = await import('./differential.ts');
      const options = { read: db.app, write: db.app, log: () => {} };
      const compiled = await makeGraph(options);
      const oracle = await makeGraph({ ...options, path: 'loaders' });
      const foreignIds = [hexId('gpe', 1, 1, 5)];
      let noticed = 0;
      for (let seed = 1; seed <= 12 && noticed === 0; seed++) {
        const report = await differ({
          compiled,
          oracle,
          viewers: [viewerOf(workspaces[1], 2)],
          seed,
          operations: 60,
          foreignIds,
          stopAtFault: true,
        });
        noticed = report.faults.length;
      }
      expect(noticed).toBeGreaterThan(0);
    } finally {
      vi.doUnmock(path);
    }
  },
);
