import type { Conditions } from '../engine/ask/paging.ts';

/** SQL on products `p` and their stores `s`: everybody may find and buy the product. It is on sale, and its store is not suspended. */
export const VISIBLE = 'p.listed AND NOT s.suspended';

/** SQL on products `p`: the product is there for its seller, perhaps as a draft or inactive. */
export const KEPT = '(p.listed OR p.hidden IS NOT NULL)';

/** The products that a list is about: SQL, and what it adds to the caller's conditions. */
export interface Scope {
  readonly base: string;
  readonly add: (where: Conditions) => void;
}

export const FOR_EVERYBODY: Scope = { base: VISIBLE, add: () => undefined };
