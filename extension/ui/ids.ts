/**
 * Every id that package.json and the code share. `test/unit/ui/manifest.test.ts` holds the two to each other, so a command
 * without a handler, or a handler without a command, does not get in.
 */
export const commands = {
  convert: 'precisionBench.convert',
  compare: 'precisionBench.compare',
  openReport: 'precisionBench.openReport',
  openPlan: 'precisionBench.openPlan',
  installTensorRT: 'precisionBench.installTensorRT',
  probe: 'precisionBench.probe',
  cancel: 'precisionBench.cancel',
  openSample: 'precisionBench.openSample',
  openWalkthrough: 'precisionBench.openWalkthrough',
  showLog: 'precisionBench.showLog',
} as const;

export type CommandId = (typeof commands)[keyof typeof commands];

export const views = {
  comparison: 'precisionBench.comparison',
} as const;

/** View types of webview panels and custom editors. */
export const viewTypes = {
  convert: 'precisionBench.convert',
  /** report.json where conversions write it by default. */
  report: 'precisionBench.report',
  /** report.json anywhere: offered, never chosen by itself, as others have files of this name. */
  anyReport: 'precisionBench.anyReport',
  engine: 'precisionBench.engine',
} as const;

export const settingsSection = 'precisionBench';
export const settingKeys = {
  outputFolder: 'outputFolder',
  precisions: 'precisions',
  timeBudget: 'timeBudget',
  python: 'python',
  library: 'tensorrt.library',
  home: 'home',
  showComparison: 'showComparisonWhenDone',
  statusBar: 'statusBar',
} as const;

export const walkthrough = 'precisionBench.start';
/** Set while a report is shown, for the buttons of the view's title. */
export const contextKeys = { hasReports: 'precisionBench.hasReports', running: 'precisionBench.running' } as const;
