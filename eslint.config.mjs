/**
 * The import law of the project, as lint rules with messages (ARCHITECTURE.md, "Import law"), plus type-aware checks.
 */
import js from '@eslint/js';
import tseslint from 'typescript-eslint';

const forbid = (...patterns) => ({ 'no-restricted-imports': ['error', { patterns }] });
const vscodeOnlyInUi = {
  group: ['vscode'],
  message: 'Only extension/extension.ts and extension/ui/ import vscode: the pipeline also runs headless.',
};
const noRuntime = {
  group: ['onnxruntime-node', '**/backends/onnxRuntime', '**/backends/tensorrt', '**/backends/nativeAddon'],
  message: 'Stages know tensors and backends/backend.ts, never a runtime. Inject it from worker/.',
};
const onlyContract = {
  regex: '^(\\.\\./)+extension/(?!contract/)',
  message: 'A webview imports only extension/contract/.',
};
const toolkitInOneFile = {
  group: ['@vscode/webview-ui-toolkit', '@vscode/webview-ui-toolkit/*'],
  message: 'Only webview/common/toolkit.ts imports the toolkit, so that a successor replaces one file.',
};

export default tseslint.config(
  { ignores: ['dist/**', 'build/**', 'coverage/**', '**/*.generated.ts', 'out/**'] },
  js.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      'no-restricted-syntax': [
        'error',
        { selector: 'ExportDefaultDeclaration', message: 'Named exports only: one name for a thing, everywhere.' },
      ],
      'no-duplicate-imports': ['error', { allowSeparateTypeImports: true }],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      ...forbid(vscodeOnlyInUi),
    },
  },
  {
    files: ['extension/{model,plan,calibrate,compare,report,measure}/**/*.ts'],
    rules: forbid(vscodeOnlyInUi, noRuntime),
  },
  {
    files: ['extension/contract/**/*.ts'],
    rules: forbid({
      group: ['../*', '!../contract/*', 'vscode', 'node:*'],
      message: 'contract/ is shared with webviews: it imports nothing outside contract/.',
    }),
  },
  {
    files: ['extension/contract/panels/**/*.ts'],
    rules: forbid({
      group: ['../../*', 'vscode', 'node:*'],
      message: 'contract/ is shared with webviews: it imports nothing outside contract/.',
    }),
  },
  { files: ['webview/**/*.ts'], rules: forbid(vscodeOnlyInUi, onlyContract, toolkitInOneFile) },
  { files: ['webview/common/toolkit.ts'], rules: forbid(vscodeOnlyInUi, onlyContract) },
  {
    files: ['extension/extension.ts', 'extension/ui/**/*.ts', 'test/host/**/*.ts'],
    rules: { 'no-restricted-imports': 'off' },
  },
  {
    files: ['**/*.mjs', '**/*.cjs', '**/*.js'],
    languageOptions: {
      globals: {
        process: 'readonly',
        console: 'readonly',
        URL: 'readonly',
        Buffer: 'readonly',
        performance: 'readonly',
        TextDecoder: 'readonly',
        module: 'writable',
        require: 'readonly',
        setTimeout: 'readonly',
        __dirname: 'readonly',
      },
    },
  },
);
