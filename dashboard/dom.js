// Elements, made so that no text can become markup: strings are text nodes,
// and nothing else is ever parsed.

const SVG = 'http://www.w3.org/2000/svg';

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) {
      continue;
    }

    if (name.startsWith('on')) {
      node.addEventListener(name.slice(2), value);
    } else if (name === 'value' && 'value' in node) {
      node.value = value;
    } else {
      node.setAttribute(name, value === true ? '' : value);
    }
  }

  node.append(...children.flat(Infinity).filter(
    (child) => child !== null && child !== undefined && child !== false));

  return node;
}

export function el(tag, attributes, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

export function svg(tag, attributes, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

// puts something else into an element; what had the focus in it is known by its
// data-key and has it again, or else what is nearest
export function put(node, ...children) {
  const active = document.activeElement;
  const key = node.contains(active) ? active.dataset?.key : undefined;

  node.replaceChildren(...children.flat(Infinity).filter(
    (child) => child !== null && child !== undefined && child !== false));

  if (key !== undefined) {
    const keyed = [...node.querySelectorAll('[data-key]')];

    (keyed.find((one) => one.dataset.key === key) ?? keyed[0]
      ?? document.querySelector('h1'))?.focus({ preventScroll: true });
  }
}

let ids = 0;

export function id(prefix) {
  ids += 1;
  return `${prefix}-${ids}`;
}
