import { READ_PAGE, READ_PAGE_MAX } from './eventStore.ts';
import type { SizedEvent } from './recent.ts';

/** First page size, in events, of a follower that is far behind. Pages grow while they come back full. */
export const PAGE_FIRST = 2 * READ_PAGE;
/** Pages do not grow beyond this many bytes. */
export const PAGE_BYTES_MAX = 8 * 1024 * 1024;
/** Followers that may read larger pages at once. Each holds up to three pages. */
const LARGE_FOLLOWERS_MAX = 2;

/** A requested limit, as an integer from 1 to `READ_PAGE_MAX`. */
export const pageSize = (limit: number): number =>
  Math.max(1, Math.min(Number.isNaN(limit) ? READ_PAGE : Math.floor(limit), READ_PAGE_MAX));

export interface PageSize {
  /** Events to request in the next page. */
  readonly events: number;
  /** Adapts the size to a page that has arrived. */
  read(page: readonly SizedEvent[]): void;
  /** The follower reads no more pages. Pages that still arrive do not count. */
  end(): void;
}

/** Page sizes of the followers. They double while a follower is far behind, within the limits above. */
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
