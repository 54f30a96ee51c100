/** Lint: bug classes of this project (promises, switches), the one way that imports go, and the size of files. */
import tseslint from 'typescript-eslint';

/** main > services|operator|cli > lib/service > lib/{resources,bus,store,git,http,helm} > lib/{model,events,errors,observe} */
const layers = [
  ['lib/errors', 'lib/events', 'lib/model', 'lib/observe', 'lib/delivery'],
  [
    'lib/resources',
    'lib/bus',
    'lib/store',
    'lib/git',
    'lib/http',
    'lib/configuration',
    'lib/history',
    'lib/chart',
    'lib/helm',
    'lib/installation',
  ],
  ['lib/service'],
  ['services', 'operator', 'cli'],
];
/** Imports are relative: what they name is told by the folders that they end in. */
const into = (folder) => `**/${folder.replace('lib/', '')}/**`;
const restrict = (files, patterns, ignores = []) => ({
  files,
  ignores,
  rules: { 'no-restricted-imports': ['error', { patterns }] },
});
const upward = (level) => ({
  group: layers
    .slice(level + 1)
    .flat()
    .map(into),
  message: 'imports go down the layers, never up',
});
const adapters = {
  group: [
    '**/resources/kubernetes/**',
    '**/resources/directory/**',
    '**/bus/nats/**',
    '**/bus/memory/**',
    '**/git/objects/**',
    '**/store/sqlite/**',
    '**/store/mongodb/**',
  ],
  message: 'only a main names an adapter',
};

export default tseslint.config(
  { ignores: ['node_modules/', 'coverage/', '.keptn/', 'services/bridge/dist*/'] },
  {
    files: ['**/*.{ts,tsx}'],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      // A step or a port method may have nothing to wait for.
      '@typescript-eslint/require-await': 'off',
      // `undefined | void` tells a step's early end apart from its normal one.
      '@typescript-eslint/no-invalid-void-type': 'off',
      eqeqeq: 'error',
      'max-lines': ['error', { max: 300, skipBlankLines: true, skipComments: true }],
    },
  },
  {
    files: ['test/**/*.ts', 'lib/*/contract.ts'],
    rules: {
      // chai's `expect(x).to.be.true` is an expression.
      '@typescript-eslint/no-unused-expressions': 'off',
      'max-lines': ['error', { max: 400, skipBlankLines: true, skipComments: true }],
    },
  },
  ...layers.slice(0, -1).map((folders, level) =>
    restrict(
      folders.map((folder) => `${folder}/**/*.ts`),
      [upward(level)],
    ),
  ),
  restrict(
    ['lib/*/*.ts'],
    [upward(1), { ...adapters, group: [...adapters.group, './*/**'] }],
    ['lib/{errors,events,model,observe,delivery}/**'],
  ),
  restrict(['operator/*.ts', 'services/*/*.ts'], [adapters], ['operator/{main,standalone}.ts', 'services/*/main.ts']),
);
