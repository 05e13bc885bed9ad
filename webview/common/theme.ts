/** Tells when the editor changes its theme: what is drawn on a canvas has to be drawn again with the new colors. */

/** VS Code sets the kind of theme as a class of the body and the colors as variables of the root element. */
export function onThemeChange(listener: () => void): void {
  let isScheduled = false;
  const observer = new MutationObserver(() => {
    if (isScheduled) return;
    isScheduled = true;
    requestAnimationFrame(() => {
      isScheduled = false;
      listener();
    });
  });
  observer.observe(document.body, { attributes: true, attributeFilter: ['class', 'data-vscode-theme-id'] });
  observer.observe(document.documentElement, { attributes: true, attributeFilter: ['style'] });
}
