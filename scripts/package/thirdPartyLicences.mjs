/** The licences of everything from others that a package contains, as one text. Made anew for each package, never committed. */
import * as checker from 'license-checker-rseidelsohn';

/**
 * @param {string} root folder with package.json and node_modules
 * @throws Error when a licence is unknown, or one that binds our own code
 */
export async function thirdPartyLicences(root) {
  const found = await new Promise((resolve, reject) => {
    const options = {
      start: root,
      production: true,
      excludePrivatePackages: true,
      customFormat: { licenseText: '', licenseFile: '', repository: '' },
    };
    checker.init(options, (error, packages) => {
      if (error) reject(error);
      else resolve(packages);
    });
  });
  const sections = Object.entries(found).map(([name, { licenses, licenseText, licenseFile, repository }]) => {
    const licence = String(licenses);
    if (/UNKNOWN|UNLICENSED|\bA?GPL/.test(licence)) throw new Error(`${name} cannot be packaged: licence ${licence}`);
    // Some packages have a readme and no text of their licence.
    const text = /readme/i.test(licenseFile ?? 'readme') ? '' : `\n${licenseText.trim()}\n`;
    return `${name}\n${licence}\n${repository ?? ''}\n${text}`;
  });
  return `Precision Bench contains the work of others, under these licences.\n\n${sections.join(`\n${'-'.repeat(80)}\n\n`)}`;
}
