/** An element with these attributes and this content. Text stays text. */
export function h<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  attributes: Readonly<Record<string, string>> = {},
  ...content: (Node | string)[]
): HTMLElementTagNameMap[Name] {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...content);
  return element;
}

const SVG = 'http://www.w3.org/2000/svg';

/** A picture of 24 by 24; what it means stands beside it, or in a label. */
export function icon(path: string): SVGElement {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('aria-hidden', 'true');
  svg.appendChild(document.createElementNS(SVG, 'path')).setAttribute('d', path);
  return svg;
}

/** Sets text only where it differs: what has not changed is not touched. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

/** A button that does not send a form. */
export function button(attributes: Readonly<Record<string, string>>, onClick: () => void, ...content: (Node | string)[]): HTMLButtonElement {
  const element = h('button', { type: 'button', ...attributes }, ...content);
  element.addEventListener('click', onClick);
  return element;
}
