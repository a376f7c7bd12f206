import { positionOf } from '../platform/redis/position.ts';
import type { CachedAnswer, Found } from './cache.ts';

/**
 * An entry as text: five lines and the JSON, none of which holds a line break. First the generations of its tags from
 * before its loader began: it counts only while they are still the same.
 */
export function encode(generations: string, { answer, position }: Found): string {
  const { json, bytes, pagination = '', revision = '' } = answer;
  return `${generations}\n${position}\n${bytes}\n${revision}\n${pagination}\n${json}`;
}

/** The entry, if it was made under these generations and can be read. */
export function decode(text: string, generations: string): Found | undefined {
  if (!text.startsWith(generations) || text[generations.length] !== '\n') return undefined;
  const lines: string[] = [];
  let from = generations.length + 1;
  for (let line = 0; line < 4; line += 1) {
    const end = text.indexOf('\n', from);
    if (end < 0) return undefined;
    lines.push(text.slice(from, end));
    from = end + 1;
  }
  const [told, bytes = '', revision = '', pagination = ''] = lines;
  const position = positionOf(told);
  if (position === undefined) return undefined;
  return { answer: answerOf(text.slice(from), Number(bytes), revision, pagination), position };
}

const answerOf = (json: string, bytes: number, revision: string, pagination: string): CachedAnswer => ({
  json,
  bytes,
  ...(pagination === '' ? {} : { pagination }),
  ...(revision === '' ? {} : { revision }),
});
