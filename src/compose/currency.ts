import { CURRENCY_ID, currencyDecider } from '../aggregates/currency.ts';
import type { CommandContext, Services } from '../commands/contract.ts';
import { ConfigError } from '../config/config.ts';
import { isRefusal } from '../errors.ts';
import type { Logger } from '../platform/log.ts';

/** The refusal of a `CURRENCY` that is not the log's. */
export const otherCurrency = (currency: string, chosen: string): ConfigError =>
  new ConfigError([
    {
      name: 'CURRENCY',
      reason:
        `is ${currency}, but all amounts in this log are in ${chosen}: set CURRENCY=${chosen}. ` +
        `A shop that sells in ${currency} needs a log of its own`,
    },
  ]);

/** The currency of a log; null when none was chosen yet. */
async function currencyOf({ aggregates }: Pick<Services, 'aggregates'>): Promise<string | null> {
  return (await aggregates.load(currencyDecider, CURRENCY_ID)).state.currency;
}

/**
 * Records `CURRENCY` as the log's when the log has none yet. Throws when the log has another. Two processes that start at once agree: both
 * write to one stream, so the second finds the choice of the first.
 */
export async function settleCurrency(context: CommandContext, log: Logger): Promise<void> {
  const { services } = context;
  const { currency } = services.settings;
  try {
    const intent = { type: 'ChooseCurrency', data: { currency } } as const;
    const { events } = await context.handle(currencyDecider, CURRENCY_ID, intent);
    if (events.length > 0) log.info({ currency }, 'the currency of this log is chosen');
  } catch (error) {
    if (!isRefusal(error) || error.rule !== 'OtherCurrency') throw error;
    throw otherCurrency(currency, (await currencyOf(services)) ?? 'another currency');
  }
}
