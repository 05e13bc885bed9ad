/**
 * How set-up ends when a piece cannot be had: in CI that is a failure, on a user's machine a warning, because the rest of
 * Precision Bench works without it.
 */
const inCi = process.env.CI === 'true';

/** Prints a step to standard error. */
export function say(message) {
  console.error(`  ${message}`);
}

/**
 * @param {{reason: string, fix: string}[]} problems
 * @param {string} consequence what does not work now
 */
export function report(problems, consequence) {
  if (problems.length === 0) return;
  for (const { reason, fix } of problems) console.error(`${inCi ? 'error' : 'warning'}: ${reason}\n  ${fix}`);
  console.error(inCi ? 'CI needs all of it.' : consequence);
  if (inCi) process.exitCode = 1;
}

/** Runs a set-up step and turns what it throws into a problem. */
export async function attempt(step, consequence) {
  try {
    report(await step(), consequence);
  } catch (error) {
    if (error.code === undefined || error.fix === undefined) throw error;
    report([error], consequence);
  }
}
