// The judge of types: graphql-codegen's client preset over the committed schema and the canonical operations, and tsc over what it makes and
// over a program that uses it.
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { generate } from '@graphql-codegen/cli';
import { preset } from '@graphql-codegen/client-preset';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ROOT } from '../harness/server.ts';
import { kept, made as madeOperations } from '../live/operations.ts';

const PROGRAM = `
import type { ResultOf, VariablesOf } from '@graphql-typed-document-node/core';
import { AgentWorkspaceDocument, LiveConversationDocument, SendMessageDocument, type ConversationStatus } from './made/graphql';
import { useFragment, type FragmentType } from './made';
import { TimelineItemFragmentDoc } from './made/graphql';

export const variables: VariablesOf<typeof SendMessageDocument> = { input: { conversationId: 'cnv_1', text: 'Hello' } };
// @ts-expect-error a message needs its text
export const without: VariablesOf<typeof SendMessageDocument> = { input: { conversationId: 'cnv_1' } };
export function statusOf(data: ResultOf<typeof AgentWorkspaceDocument>): ConversationStatus | undefined {
  return data.agentWorkspace?.conversation.status;
}
export function textOf(entry: FragmentType<typeof TimelineItemFragmentDoc>): string | null {
  const { subject, summary } = useFragment(TimelineItemFragmentDoc, entry);
  return subject?.__typename === 'Message' ? subject.text ?? null : summary;
}
export const seq = (data: ResultOf<typeof LiveConversationDocument>): number => data.conversationUpdated.conversationSeq;
// @ts-expect-error the number is no text
export const wrong = (data: ResultOf<typeof LiveConversationDocument>): string => data.conversationUpdated.conversationSeq;
`;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'throughline-codegen-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test('graphql-codegen’s client preset makes types of every canonical operation that a strict program can use', async () => {
  const scalars = { DateTime: 'string', JSON: 'unknown', Cursor: 'string', Milliseconds: 'number', Bytes: 'number' };
  await generate({
    cwd: folder,
    schema: join(ROOT, 'schema/api.graphql'),
    documents: join(ROOT, 'schema/operations/*.graphql'),
    silent: true,
    generates: { [`${folder}/made/`]: { preset, config: { scalars, strictScalars: true, useTypeImports: true, enumsAsTypes: true } } },
  }, true);
  const made = await readFile(join(folder, 'made/graphql.ts'), 'utf8');
  for (const name of ['AgentWorkspace', 'Changes', 'SendMessage', 'LiveInbox', 'VisitorHistory']) expect(made).toContain(`export const ${name}Document`);

  await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  await writeFile(join(folder, 'program.ts'), PROGRAM);
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({
    compilerOptions: { strict: true, exactOptionalPropertyTypes: true, target: 'es2022', module: 'esnext', moduleResolution: 'bundler', noEmit: true, skipLibCheck: true, types: [] }, include: ['.'],
  }));
  const { stdout } = await promisify(execFile)(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', folder], { cwd: folder }).catch((error: { stdout: string }) => error);
  expect(stdout).toBe('');
}, 60_000);

test('the typed operations of the page `/live` are those of the schema', async () => {
  expect(await kept(), 'Run `npm run live:operations`.').toBe(await madeOperations());
}, 60_000);
