/**
 * A script tag that says whom to talk to (`data-url`, `data-tenant-hash`, and whatever else the element
 * takes) is all that a page needs: the element is made, and put at the page's end.
 */
export function embed(script: HTMLOrSVGScriptElement): void {
  if (!script.dataset['url']) return;
  const element = document.createElement('causerie-chat');
  for (const { name, value } of script.attributes) {
    if (name.startsWith('data-')) element.setAttribute(name.slice('data-'.length), value);
  }
  const put = () => document.body.append(element);
  if (document.body) put();
  else document.addEventListener('DOMContentLoaded', put);
}
