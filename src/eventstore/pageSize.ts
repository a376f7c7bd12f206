import { READ_PAGE, READ_PAGE_MAX } from './eventStore.ts';
import type { SizedEvent } from './recent.ts';

/** Whoever is far behind begins with pages of so many events, and is given more while there are so many. */
export const PAGE_FIRST = 2 * READ_PAGE;
/** Pages of so many bytes are not made larger. */
export const PAGE_BYTES_MAX = 8 * 1024 * 1024;
/** How many followers may read larger pages at once: each holds up to three of them. */
export const LARGE_FOLLOWERS_MAX = 2;

/** A limit that somebody asks for, as stores keep it. */
export const pageSize = (limit: number): number =>
  Math.max(1, Math.min(Number.isNaN(limit) ? READ_PAGE : Math.floor(limit), READ_PAGE_MAX));

export interface PageSize {
  /** Events to ask for. */
  readonly events: number;
  /** What was asked for has come. */
  read(page: readonly SizedEvent[]): void;
  /** Nothing more will be asked for; what is still under way does not count. */
  end(): void;
}

/** How much followers read at a time: more and more while they are far behind, as far as memory allows. */
export function createPageSizes(followersMax = LARGE_FOLLOWERS_MAX): { upTo(limit: number): PageSize } {
  let followers = 0;
  return {
    upTo(limit) {
      const first = Math.min(limit, PAGE_FIRST);
      let events = first;
      let isLarge = false;
      let hasEnded = false;
      function beginAnew(): void {
        if (isLarge) followers -= 1;
        isLarge = false;
        events = first;
      }
      function grow(): void {
        if (events >= limit || (!isLarge && followers >= followersMax)) return;
        if (!isLarge) followers += 1;
        isLarge = true;
        events = Math.min(limit, events * 2);
      }
      return {
        get events() {
          return events;
        },
        read(page) {
          if (hasEnded) return;
          if (page.length < events) {
            beginAnew();
            return;
          }
          const bytes = page.reduce((sum, one) => sum + one.bytes, 0);
          if (bytes * 2 <= PAGE_BYTES_MAX) grow();
          else if (bytes > PAGE_BYTES_MAX) events = Math.max(1, Math.floor(events / 2));
        },
        end() {
          hasEnded = true;
          beginAnew();
        },
      };
    },
  };
}
