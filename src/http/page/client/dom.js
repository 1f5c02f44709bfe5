// Elements from values, and a tree brought up to date without losing focus or what is unfolded. Everything that comes
// from records or errors goes in as text: nothing here parses markup.

const SVG = 'http://www.w3.org/2000/svg';
const SVG_TAGS = new Set(['svg', 'rect', 'line', 'title', 'desc']);

/**
 * @typedef {Node | string | number | null | false} Child
 * @param {string} tag @param {Record<string, string | number | boolean | null>} [attributes] false and null leave one out
 * @param {...(Child | Child[])} children
 * @returns {Element}
 */
export function h(tag, attributes = {}, ...children) {
  const element = SVG_TAGS.has(tag) ? document.createElementNS(SVG, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== false) element.setAttribute(name, value === true ? '' : String(value));
  }
  for (const child of children.flat()) {
    if (child !== null && child !== false) element.append(child instanceof Node ? child : String(child));
  }
  return element;
}

/**
 * Makes the children of `target` equal to `fresh`. Elements are met again by `data-key`, else by their place.
 * @param {Element} target @param {Child[]} fresh
 */
export function show(target, fresh) {
  const holder = h('div', {}, fresh);
  patchChildren(target, holder);
}

/** @param {Node} old @param {Node} fresh */
function patchChildren(old, fresh) {
  const keyed = new Map();
  for (const child of old.childNodes) {
    const key = keyOf(child);
    if (key !== null) keyed.set(key, child);
  }
  let place = old.firstChild;
  for (const wanted of [...fresh.childNodes]) {
    const key = keyOf(wanted);
    const known = key === null ? place : keyed.get(key);
    const isSame = known != null && known.nodeName === wanted.nodeName && keyOf(known) === key;
    if (!isSame) {
      old.insertBefore(wanted, place);
      continue;
    }
    if (known === place) place = place?.nextSibling ?? null;
    else old.insertBefore(known, place);
    patch(known, wanted);
  }
  while (place !== null) {
    const next = place.nextSibling;
    place.remove();
    place = next;
  }
}

/** @param {ChildNode | Node} old @param {Node} fresh */
function patch(old, fresh) {
  if (!(old instanceof Element) || !(fresh instanceof Element)) {
    if (old.nodeValue !== fresh.nodeValue) old.nodeValue = fresh.nodeValue;
    return;
  }
  for (const {name} of [...old.attributes]) {
    // Unfolded by the reader, not by us.
    if (name !== 'open' && !fresh.hasAttribute(name)) old.removeAttribute(name);
  }
  for (const {name, value} of fresh.attributes) {
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  patchChildren(old, fresh);
}

/** @param {Node} node */
function keyOf(node) {
  return node instanceof Element ? node.getAttribute('data-key') : null;
}
