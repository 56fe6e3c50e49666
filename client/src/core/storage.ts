/** Where a tab keeps its newest token over a reload: `sessionStorage`, or something like it. */
export type TokenStorage = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;

/** A storage may refuse: it is full, or the user has forbidden it. Then things live only as long as the page. */
export function attempt<Result>(use: () => Result): Result | undefined {
  try {
    return use();
  } catch {
    return undefined;
  }
}
