/**
 * Makes the children of `parent` like those of `wanted`, and touches only what differs: so what is
 * selected stays selected, and nothing flickers. Text that grows is added to. Takes nodes out of `wanted`.
 */
export function patch(parent: Node, wanted: Node): void {
  let old = parent.firstChild;
  for (let node = wanted.firstChild; node; ) {
    const following: ChildNode | null = node.nextSibling;
    if (!old) parent.appendChild(node);
    else {
      const next: ChildNode | null = old.nextSibling;
      if (old.nodeName === node.nodeName) become(old, node);
      else parent.replaceChild(node, old);
      old = next;
    }
    node = following;
  }
  while (old) {
    const next: ChildNode | null = old.nextSibling;
    old.remove();
    old = next;
  }
}

function become(old: ChildNode, node: ChildNode): void {
  if (old instanceof Text && node instanceof Text) {
    if (old.data === node.data) return;
    if (node.data.startsWith(old.data)) old.appendData(node.data.slice(old.data.length));
    else old.data = node.data;
  } else if (old instanceof Element && node instanceof Element) {
    for (const { name } of [...old.attributes]) if (!node.hasAttribute(name)) old.removeAttribute(name);
    for (const { name, value } of node.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    patch(old, node);
  }
}
