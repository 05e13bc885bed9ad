/**
 * Lets the toolkit find the page's nonce where it looks for it: on loading it inserts an empty style element to learn
 * whether the browser knows `:focus-visible`, which the content policy refuses without a nonce.
 *
 * Must be imported before the toolkit. The nonce is that of the script that is running now.
 */
const running = document.currentScript;
if (running instanceof HTMLScriptElement && running.nonce !== '') {
  const meta = document.createElement('meta');
  meta.setAttribute('property', 'csp-nonce');
  meta.content = running.nonce;
  document.head.append(meta);
}
