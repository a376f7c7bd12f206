import { keysOfWord } from '../aggregates/misspellings.ts';
import type { ProductEvent } from '../aggregates/product.ts';
import type { StoreEvent } from '../aggregates/store.ts';
import { isSpelled, termsIn } from '../aggregates/words.ts';
import type { DomainEvent } from '../eventstore/eventStore.ts';
import type { Change, Projection } from '../engine/project/projection.ts';
import { literal } from './search.ts';

/** Words of one text, at most: the first ones. */
const WORDS_MAX = 200;

/** A word that a product or a store has, or had: a search looks here for what a misspelt word means, and for words of one stem. */
export interface WordRow {
  readonly word: string;
  /** The keys under which misspellings find the word: the text of a tsvector. */
  readonly keys: string;
}

type Texts = { readonly name?: string; readonly description?: string };

const wordsIn = ({ name = '', description = '' }: Texts): string[] => {
  const words = new Set([...termsIn(name), ...termsIn(description)].filter(isSpelled));
  return [...words].slice(0, WORDS_MAX);
};

/** A word that is known is left as it is: nothing is written. */
const learn = <E extends DomainEvent>(textsOf: (data: E['data']) => Texts): Change<WordRow, E> => ({
  key: ({ data }) => wordsIn(textsOf(data)),
  row: (row, _event, word) => (row === undefined ? { word, keys: keysOfWord(word).map(literal).join(' ') } : undefined),
});

export const vocabulary: Projection<WordRow, ProductEvent | StoreEvent> = {
  name: 'vocabulary',
  table: 'vocabulary',
  key: 'word',
  of: 'product',
  columns: { word: 'text', keys: 'tsvector' },
  on: {
    ProductListed: learn((data) => data),
    ProductUpdated: learn((data) => data),
    StoreOpened: learn((data) => data),
    StoreUpdated: learn((data) => data),
  },
};
