/** Building nodes. Text always becomes a text node, so data can never become markup. */

type Attributes = Record<string, string | number | boolean | undefined>;
type Child = Node | string;

/** An element with attributes (true: present without a value; undefined, false: absent) and children. */
export function h<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children);
  return element;
}

/** Sets text only where it differs: no layout for what did not change. */
export function setText(element: HTMLElement, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

/** Sets or removes a data attribute, with full precision for numbers. */
export function setData(element: HTMLElement, name: string, value: string | number | null | undefined): void {
  const text = value == null ? "" : String(value);
  if (element.dataset[name] !== text) element.dataset[name] = text;
}

export function button(label: string, title: string, onClick: () => void): HTMLButtonElement {
  const element = h("button", { type: "button", title, "aria-label": title }, label);
  element.addEventListener("click", onClick);
  return element;
}

/** Finds the only element of a selector that the page itself has built. */
export function must(selector: string): Element {
  const element = document.querySelector(selector);
  if (element === null) throw new Error(`The page has no ${selector}.`);
  return element;
}
