// Elements are made from text and never from HTML: names of files and messages of programs come from anywhere.

export function $<Type extends Element = HTMLElement>(selector: string): Type {
  const found = document.querySelector<Type>(selector);
  if (found === null) throw new Error(`The page has no ${selector}.`);
  return found;
}

type Attributes = Readonly<Record<string, string | number | boolean | undefined>>;
type Child = Node | string | undefined | false;

export function h<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[Name] {
  const element = document.createElement(name);
  return filled(element, attributes, children);
}

export function s<Name extends keyof SVGElementTagNameMap>(
  name: Name,
  attributes: Attributes = {},
  ...children: readonly Child[]
): SVGElementTagNameMap[Name] {
  const element = document.createElementNS('http://www.w3.org/2000/svg', name);
  return filled(element, attributes, children);
}

function filled<Type extends Element>(
  element: Type,
  attributes: Attributes,
  children: readonly Child[],
): Type {
  for (const [name, value] of Object.entries(attributes)) setAttribute(element, name, value);
  for (const child of children) if (child !== undefined && child !== false) element.append(child);
  return element;
}

/** Writes only what differs: a redraw must not move the focus, the selection or a screen reader. */
export function setAttribute(
  element: Element,
  name: string,
  value: string | number | boolean | undefined,
): void {
  if (value === undefined || value === false) {
    if (element.hasAttribute(name)) element.removeAttribute(name);
    return;
  }
  const text = value === true ? '' : String(value);
  if (element.getAttribute(name) !== text) element.setAttribute(name, text);
}

export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

/** What an element shows, as a key: it is made anew only when that changes. */
export function replaceWhenChanged(element: Element, key: unknown, make: () => readonly Child[]): boolean {
  const text = JSON.stringify(key);
  if (shown.get(element) === text) return false;
  shown.set(element, text);
  element.replaceChildren(...make().filter((child) => child !== undefined && child !== false));
  return true;
}

const shown = new WeakMap<Element, string>();

export interface Keyed<Item> {
  readonly key: (item: Item) => string;
  readonly make: (item: Item) => Element;
  readonly update?: (element: Element, item: Item) => void;
}

/** Makes the children of an element those of a list; what stays, stays the same element. */
export function keyed<Item>(
  parent: Element,
  items: readonly Item[],
  { key, make, update }: Keyed<Item>,
): void {
  const old = new Map<string, Element>();
  for (const child of parent.children) old.set(child.getAttribute('data-key') ?? '', child);
  let before: Element | null = null;
  for (const item of items) {
    const name = key(item);
    let element = old.get(name);
    old.delete(name);
    if (element === undefined) {
      element = make(item);
      element.setAttribute('data-key', name);
    }
    update?.(element, item);
    const next: Element | null = before === null ? parent.firstElementChild : before.nextElementSibling;
    if (next !== element) parent.insertBefore(element, next);
    before = element;
  }
  for (const gone of old.values()) gone.remove();
}
