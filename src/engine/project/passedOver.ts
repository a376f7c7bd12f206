import type { EventStore } from '../../eventstore/eventStore.ts';
import { isUnknown } from '../../eventstore/newer.ts';
import type { Projection } from './projection.ts';

/** Events after a checkpoint that are looked through in one step, at most. */
const LOOKED_THROUGH_MAX = 500;

/** A part of the log after a checkpoint that has nothing for the projection. */
interface Stretch {
  readonly checkpoint: bigint;
  readonly upTo: bigint;
  /** The next event after it is one that the projection applies. */
  readonly ends: boolean;
}

export interface PassedOver {
  /** The position that the table has reached, when its checkpoint's row is at this one. */
  position(name: string, checkpoint: bigint): bigint;
  /** Looks through the log up to `wanted`, after the checkpoints of these projections. */
  look(checkpoints: ReadonlyMap<string, bigint>, wanted: bigint): Promise<void>;
  forget(): void;
}

export interface PassedOverOptions {
  readonly store: Pick<EventStore, 'readAll'>;
  readonly projections: readonly Projection[];
}

/**
 * A projector writes a checkpoint's row at once only when it has changed rows of the table. After events that it does not apply the
 * row is behind for up to half a second. Another process need not wait for that: it finds in the log that those events have nothing
 * for the projection.
 */
export function createPassedOver({ store, projections }: PassedOverOptions): PassedOver {
  const applied = new Map(projections.map(({ name, on }) => [name, on as Readonly<Record<string, unknown>>]));
  const known = new Map<string, Stretch>();

  const stretchAfter = (name: string, checkpoint: bigint): Stretch => {
    const stretch = known.get(name);
    return stretch !== undefined && stretch.checkpoint <= checkpoint && checkpoint <= stretch.upTo
      ? stretch
      : { checkpoint, upTo: checkpoint, ends: false };
  };

  return {
    position: (name, checkpoint) => stretchAfter(name, checkpoint).upTo,
    async look(checkpoints, wanted) {
      const open = [...checkpoints]
        .filter(([name]) => applied.has(name))
        .map(([name, checkpoint]) => ({ name, ...stretchAfter(name, checkpoint) }))
        .filter(({ upTo, ends }) => upTo < wanted && !ends);
      if (open.length === 0) return;
      const from = open.reduce((least, { upTo }) => (upTo < least ? upTo : least), open[0]!.upTo);
      const page = await store.readAll(from, LOOKED_THROUGH_MAX);
      for (const { name, ...stretch } of open) {
        const types = applied.get(name)!;
        let { upTo, ends } = stretch;
        for (const event of page) {
          const { position, type } = event;
          if (position <= upTo) continue;
          ends = Object.hasOwn(types, type) || isUnknown(event);
          if (ends) break;
          upTo = position;
        }
        known.set(name, { checkpoint: stretch.checkpoint, upTo, ends });
      }
    },
    forget: () => {
      known.clear();
    },
  };
}
