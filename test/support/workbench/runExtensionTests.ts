/**
 * Runs a test module inside a real extension host: what `code --extensionTestsPath` does where there is a desktop VS Code.
 *
 * The workbench hears of a crashed extension host as exit code 0, so the server's own record of a clean exit is demanded
 * as well; that tests ran at all is for the caller to see in the results they leave.
 */
import { outputMark } from './outputMark';
import { startBrowser, type Browser } from './startBrowser';
import { startServer, type Server, type ServerOptions } from './startServer';
import { workbenchUrl, type WindowContents } from './workbenchUrl';

export interface ExtensionTestRun {
  readonly exitCode: number;
  /** Why it is not 0, where the tests do not say; else null. */
  readonly problem: string | null;
}

export interface ExtensionTestOptions extends ServerOptions {
  readonly window: WindowContents & { readonly tests: string };
  readonly timeoutMs: number;
  /** One line that the tests print. */
  readonly onOutput: (line: string) => void;
}

export async function runExtensionTests(options: ExtensionTestOptions): Promise<ExtensionTestRun> {
  let server: Server | undefined;
  let browser: Browser | undefined;
  try {
    server = await startServer(options);
    browser = await startBrowser();
    const exitCode = await untilExit(server, browser, options);
    const unclean = await uncleanExit(server, exitCode);
    return { exitCode: exitCode === 0 && unclean !== null ? 1 : exitCode, problem: unclean };
  } catch (error) {
    return { exitCode: 1, problem: error instanceof Error ? error.message : String(error) };
  } finally {
    await browser?.stop();
    await server?.stop();
  }
}

async function untilExit(server: Server, { page }: Browser, options: ExtensionTestOptions): Promise<number> {
  let timer: NodeJS.Timeout | undefined;
  try {
    const exited = new Promise<number>((resolve, reject) => {
      const fail = (reason: string) => {
        reject(new Error(reason));
      };
      page
        .exposeFunction('codeAutomationExit', (code: number) => {
          resolve(code);
        })
        .catch(reject);
      page
        .exposeFunction('codeAutomationLog', (_type: string, args: unknown[]) => {
          const text = args.map(String).join(' ');
          for (const line of text.split('\n').filter((each) => each.startsWith(outputMark))) {
            options.onOutput(line.slice(outputMark.length));
          }
        })
        .catch(reject);
      page.on('crash', () => {
        fail('The workbench page crashed.');
      });
      page.on('dialog', (dialog) => void dialog.accept().catch(() => undefined));
      server.process.on('exit', () => {
        fail(`VS Code's server ended early. It printed:\n${server.output().slice(-2000)}`);
      });
      timer = setTimeout(() => {
        fail(`The extension host did not finish within ${options.timeoutMs / 1000} s.`);
      }, options.timeoutMs);
    });
    exited.catch(() => undefined);
    await page.goto(workbenchUrl(server.url, options.window), { waitUntil: 'commit' });
    return await exited;
  } finally {
    clearTimeout(timer);
  }
}

/** @returns what was wrong with the extension host's end, or null */
async function uncleanExit(server: Server, exitCode: number): Promise<string | null> {
  const record = /Extension Host Process exited with code: (\S+), signal: (\w+)/;
  for (let waited = 0; waited < 5000; waited += 50) {
    const found = record.exec(server.output());
    if (found !== null) {
      const clean = found[2] === 'null' && (found[1] === '0' || exitCode !== 0);
      return clean ? null : `The extension host did not exit cleanly: ${found[0]}.`;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return "The server has no record of the extension host's end.";
}
