import { EVENT_TYPES } from '../aggregates/eventTypes.ts';
import { UPCASTERS } from '../aggregates/index.ts';
import type { NewerEvents } from '../eventstore/newer.ts';
import { complete, type Upcasters } from '../eventstore/upcast.ts';
import type { Logger } from '../platform/log.ts';

/** The shapes of all events that this version of the code knows. */
export const SHAPES: Upcasters = complete(UPCASTERS, EVENT_TYPES);

/** Notices events that only a newer version of the code knows. */
export interface NewerWatch extends NewerEvents {
  readonly pass: boolean;
  /** The type of the first one that was met, while followers stop before it. */
  readonly type: string | undefined;
}

const STOPS =
  'an event that only a newer version knows: the followers of this process stop before it, and leave their work to a process of that version (NEWER_EVENTS=pass goes past it)';
const PASSES =
  'an event that only a newer version knows: the followers of this process go past it, so what it changes is missing';

/** Logs the first event of each type. */
export function watchNewer({ pass, log }: { pass: boolean; log: Pick<Logger, 'error'> }): NewerWatch {
  const types = new Set<string>();
  let first: string | undefined;
  return {
    pass,
    get type() {
      return first;
    },
    met({ type, position }) {
      if (types.has(type)) return;
      types.add(type);
      if (!pass) first ??= type;
      log.error({ type, position: String(position) }, pass ? PASSES : STOPS);
    },
  };
}
