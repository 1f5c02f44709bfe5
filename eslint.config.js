import {defineConfig, globalIgnores} from 'eslint/config';
import tseslint from 'typescript-eslint';

/**
 * Which way imports point (ARCHITECTURE.md): main -> cli | http -> workers -> jobs -> source | store | sinks -> streams
 * -> core. For each room the rooms that it may see; itself is understood. What is not named here is refused.
 */
const SEES = {
  core: [],
  telemetry: [],
  streams: ['core'],
  config: ['core', 'streams'],
  source: ['core', 'telemetry'],
  store: ['core', 'streams', 'telemetry'],
  sinks: ['core', 'streams', 'telemetry'],
  simulator: ['core'],
  jobs: ['core', 'streams', 'source', 'store', 'sinks', 'telemetry'],
  workers: ['core', 'streams', 'source', 'store', 'sinks', 'jobs', 'telemetry'],
  http: ['core', 'streams', 'source', 'store', 'sinks', 'jobs', 'workers', 'telemetry'],
  // Nothing but the command line sees the simulator: it is started for a demo and for trying things out.
  cli: ['config', 'core', 'streams', 'source', 'store', 'sinks', 'jobs', 'workers', 'http', 'simulator', 'telemetry'],
};
const ROOMS = Object.keys(SEES);

/** Packages that belong to some rooms alone, so that each can be swapped by changing these. */
const AT_HOME = [
  {packages: ['undici'], rooms: ['source']},
  {packages: ['bullmq', 'ioredis'], rooms: ['workers', 'main']},
  {packages: ['pg', 'pg-*', 'node-pg-migrate'], rooms: ['store', 'sinks/postgres']},
  {packages: ['@aws-sdk/*', '@smithy/*', 'hyparquet*'], rooms: ['sinks']},
  {packages: ['commander'], rooms: ['cli']},
  {packages: ['pino'], rooms: ['telemetry']},
];

/** Patterns of no-restricted-imports for the files of a room, or of a part of one. */
function importPatterns(room, sees, {alsoAtHome = []} = {}) {
  const [top] = room.split('/');
  const unseen = ROOMS.filter((other) => other !== top && !sees.includes(other));
  const upwards = `^(\\.\\./)+(main\\.|(${[...unseen, 'test', 'bench'].join('|')})/)`;
  return [
    {regex: upwards, message: `Imports point one way: ${top}/ sees ${sees.join('/, ') || 'no other room'}.`},
    ...packagePatterns(room, alsoAtHome),
  ];
}

function packagePatterns(room, alsoAtHome = []) {
  return AT_HOME.filter(({rooms}) => !rooms.some((home) => room === home || room.startsWith(`${home}/`))).map(
    ({packages, rooms}) => ({
      group: packages.filter((name) => !alsoAtHome.includes(name)),
      message: `Belongs to ${rooms.join('/ and ')}/ alone.`,
    }),
  );
}

function roomRules(room, sees, options) {
  const patterns = [...importPatterns(room, sees, options), ...(room === 'core' ? [IMPURE] : [])];
  const paths = [{name: 'node:process', message: 'The process is lent by main.ts, as an argument.'}];
  return {'no-restricted-imports': ['error', {paths: [...paths, ...(room === 'core' ? CHANCE : [])], patterns}]};
}

const GIVEN = 'Rules take time and chance as arguments.';
/** In core/ even builtins are those without a clock, a dice or a file. */
const IMPURE = {
  regex: '^(?!\\./|\\.\\./|node:(buffer|crypto|url)$|cron-parser$)',
  message: 'core/ is pure: it imports only core/ (and the calendar of cron-parser, given the time).',
};
const CHANCE = [
  {
    name: 'node:crypto',
    importNames: ['randomUUID', 'randomBytes', 'randomInt', 'randomFill', 'randomFillSync'],
    message: GIVEN,
  },
];

const PROCESS_PROPERTIES = ['env', 'exit', 'exitCode', 'on', 'once', 'argv', 'cwd', 'chdir'].map((property) => ({
  object: 'process',
  property,
  message: 'The process is lent by main.ts, as an argument.',
}));

const IN_ONE_PLACE = [
  {
    selector: 'ExportAllDeclaration',
    message: 'No barrels: import from the file that has it.',
  },
  {
    selector: 'ImportExpression',
    message: 'Imports are static, so that the direction of all of them is checked.',
  },
];

export default defineConfig(
  globalIgnores(['dist/', 'node_modules/', 'coverage/', '.clarifai-sync/']),
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: {parserOptions: {projectService: true, tsconfigRootDir: import.meta.dirname}},
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', {considerDefaultExhaustiveForUnions: true}],
      '@typescript-eslint/no-unused-vars': ['error', {argsIgnorePattern: '^_', varsIgnorePattern: '^_'}],
      '@typescript-eslint/consistent-type-imports': 'error',
      // What came from elsewhere is unknown, and is thrown on as it is.
      '@typescript-eslint/only-throw-error': ['error', {allowThrowingUnknown: true, allowThrowingAny: true}],
      '@typescript-eslint/prefer-promise-reject-errors': [
        'error',
        {allowThrowingUnknown: true, allowThrowingAny: true},
      ],
      // Off: an interface may want a promise of what is there at once, and unknown values are shown as they come.
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/no-base-to-string': 'off',
      'no-console': 'error',
      eqeqeq: ['error', 'always', {null: 'ignore'}],
      'no-var': 'error',
      'prefer-const': 'error',
    },
  },
  {
    files: ['src/**/*.ts'],
    rules: {
      'no-restricted-syntax': ['error', ...IN_ONE_PLACE],
      'no-restricted-properties': ['error', ...PROCESS_PROPERTIES],
    },
  },
  ...ROOMS.map((room) => ({files: [`src/${room}/**/*.ts`], rules: roomRules(room, SEES[room])})),
  {files: ['src/sinks/postgres/**/*.ts'], rules: roomRules('sinks/postgres', SEES.sinks)},
  {
    // BullMQ's own tables are made by its runMigrations, which wants a client of pg.
    files: ['src/workers/queue-backend.ts'],
    rules: roomRules('workers', SEES.workers, {alsoAtHome: ['pg']}),
  },
  {
    files: ['src/main.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        {patterns: [{regex: '^\\./simulator/', message: 'Only cli/ sees the simulator.'}, ...packagePatterns('main')]},
      ],
      'no-restricted-properties': 'off',
    },
  },
  {
    files: ['src/core/**/*.ts'],
    rules: {
      'no-restricted-properties': [
        'error',
        ...PROCESS_PROPERTIES,
        {object: 'Date', property: 'now', message: GIVEN},
        {object: 'Math', property: 'random', message: GIVEN},
      ],
      'no-restricted-globals': [
        'error',
        ...['process', 'performance', 'crypto', 'fetch', 'setTimeout', 'setInterval', 'setImmediate'].map((name) => ({
          name,
          message: GIVEN,
        })),
      ],
      'no-restricted-syntax': [
        'error',
        ...IN_ONE_PLACE,
        {selector: "NewExpression[callee.name='Date'][arguments.length=0]", message: GIVEN},
      ],
    },
  },
  {
    // What records and errors hold goes into the page as text.
    files: ['src/http/page/client/*.js'],
    rules: {
      'no-restricted-properties': [
        'error',
        ...['innerHTML', 'outerHTML', 'insertAdjacentHTML', 'write', 'setHTMLUnsafe'].map((property) => ({
          property,
          message: 'The page shows text, never markup.',
        })),
      ],
    },
  },
  // A benchmark prints its figures.
  {files: ['bench/**/*.ts'], rules: {'no-console': 'off'}},
);
