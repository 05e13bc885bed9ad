/**
 * What VS Code's frame does for a page: the theme, from `?theme=`, before anything is drawn. With `?switcher` a row of
 * buttons changes it while the page is open.
 */
import { applyTheme, themeKinds, type ThemeKind } from './themes';

const query = new URLSearchParams(location.search);
const asked = themeKinds.find((kind) => kind === query.get('theme'));

function addSwitcher(): void {
  const bar = document.createElement('nav');
  bar.id = 'theme-switcher';
  for (const kind of themeKinds) {
    const button = document.createElement('button');
    button.textContent = kind.replace('vscode-', '');
    button.addEventListener('click', () => applyTheme(kind));
    bar.append(button);
  }
  document.body.prepend(bar);
}

declare global {
  interface Window {
    applyTheme: (kind: ThemeKind) => void;
  }
}
window.applyTheme = applyTheme;
applyTheme(asked ?? 'vscode-dark');
if (query.has('switcher')) addSwitcher();
