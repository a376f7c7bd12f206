import path from 'node:path';
import { comingFromPage } from './comingFrom.ts';
import { commandLinePage } from './commandLine.ts';
import { errorsPage } from './errors.ts';
import { eventsPage } from './events.ts';
import { metricsPage } from './metrics.ts';
import { routesPage } from './routes.ts';
import { settingsPage } from './settings.ts';

export const REFERENCE = path.resolve(import.meta.dirname, '../../../docs/reference');

/** The pages of `docs/reference` that are made from the code, by file name. */
export const PAGES: Readonly<Record<string, () => string | Promise<string>>> = {
  'routes.md': routesPage,
  'settings.md': settingsPage,
  'command-line.md': commandLinePage,
  'events.md': eventsPage,
  'errors.md': errorsPage,
  'metrics.md': metricsPage,
  'coming-from.md': comingFromPage,
};
