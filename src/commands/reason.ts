import type { Reason } from '../aggregates/reason.ts';
import { placeOfOrder, type Sealed, type SealedName, type SealedOrOwn } from '../aggregates/sealed.ts';
import { isRefusal } from '../errors.ts';
import { ERASED, type Place } from '../eventstore/sealing.ts';
import type { CommandContext } from './contract.ts';

interface About {
  readonly id: string;
  readonly buyerId: string;
}

/** Does the work; where it is about an erased person, `[erased]` takes the place of the text. */
async function orErased<T>(sealing: () => Promise<T>): Promise<T | typeof ERASED> {
  try {
    return await sealing();
  } catch (error) {
    if (isRefusal(error) && error.rule === 'PersonErased') return ERASED;
    throw error;
  }
}

/** A text that an administrator typed about a person. Of an erased person it is not kept. */
export const sealedOrErased = (
  { services: { personalData } }: CommandContext,
  place: Place,
  text: string,
): Promise<SealedOrOwn> => orErased(() => personalData.seal(place, text));

/** Seals each text for one event of an order. A text about an erased buyer is not kept: `[erased]` takes its place. */
const sealEach = <Type extends string>(
  { services: { personalData } }: CommandContext,
  about: About,
  texts: Readonly<Record<Type, string>>,
): Promise<Readonly<Record<Type, Sealed>> | typeof ERASED> =>
  orErased(async () => {
    const sealed: Record<string, Sealed> = {};
    for (const [type, text] of Object.entries<string>(texts)) {
      sealed[type] = await personalData.seal(placeOfOrder(about, `${type}.reason` as SealedName), text);
    }
    return sealed as Readonly<Record<Type, Sealed>>;
  });

/** A typed reason for the cancellation of an order, sealed for its buyer. */
export async function sealedReason(context: CommandContext, about: About, text: string): Promise<Sealed | string> {
  const sealed = await sealEach(context, about, { OrderCancelled: text });
  return typeof sealed === 'string' ? sealed : sealed.OrderCancelled;
}

/** A typed reason, sealed for the buyer in each event that may hold it. `closing`: the text when the order, or a part, is closed. */
export const sealedReasons = (context: CommandContext, about: About, text: string, closing = text): Promise<Reason> =>
  sealEach(context, about, { OrderCancelled: closing, FulfilmentCancelled: closing, RefundRequested: text });
