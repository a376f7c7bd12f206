import { Type } from 'typebox';

const SEARCH_CHARS_MAX = 200;

/** The text of a search that anybody may ask. */
export const SearchText = (description: string) =>
  Type.String({ minLength: 1, maxLength: SEARCH_CHARS_MAX, description });
