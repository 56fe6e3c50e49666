type Container = Record<string, unknown> | unknown[];

/** A JSON value whose elements can be changed without changing the value that it was made of. */
export interface Elements {
  readonly root: unknown;
  /** Sets the element at a JSON pointer. Does nothing if what it should be in is not there. */
  put(at: string, value: unknown): void;
  /** Removes the element at a JSON pointer; in a list, null takes its place. */
  remove(at: string): void;
}

/** Objects and lists on the way to a changed element are copied once. */
export function elementsAt(original: unknown): Elements {
  const copies = new Set<unknown>();
  let root = original;
  const copied = (value: unknown): Container | undefined => {
    if (typeof value !== 'object' || value === null) return undefined;
    if (copies.has(value)) return value as Container;
    const copy = Array.isArray(value) ? [...value] : { ...value };
    copies.add(copy);
    return copy as Container;
  };
  /** The copy of what the element is in, and the element's name there. */
  const find = (at: string): readonly [Container, string] | undefined => {
    const names = at.split('/').slice(1).map(unescaped);
    const last = names.pop();
    let container = copied(root);
    if (!container || last === undefined) return undefined;
    root = container;
    for (const name of names) {
      const inner: Container | undefined = Object.hasOwn(container, name) ? copied(get(container, name)) : undefined;
      if (!inner) return undefined;
      set(container, name, inner);
      container = inner;
    }
    return [container, last];
  };
  return {
    get root() {
      return root;
    },
    put: (at, value) => {
      if (at === '') {
        root = value;
        return;
      }
      const found = find(at);
      if (found) set(...found, value);
    },
    remove: (at) => {
      if (at === '') {
        root = undefined;
        return;
      }
      const found = find(at);
      if (!found) return;
      const [container, name] = found;
      if (Array.isArray(container)) set(container, name, null);
      else delete container[name];
    },
  };
}

function get(container: Container, name: string): unknown {
  return (container as Record<string, unknown>)[name];
}

/** Assigning to `__proto__` would change what an object inherits from. */
function set(container: Container, name: string, value: unknown): void {
  if (name !== '__proto__') (container as Record<string, unknown>)[name] = value;
  else Object.defineProperty(container, name, { value, enumerable: true, configurable: true, writable: true });
}

function unescaped(name: string): string {
  return name.replaceAll('~1', '/').replaceAll('~0', '~');
}
