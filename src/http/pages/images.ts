import type { Express, Request, Response } from 'express';
import type { Pictures } from '../../pictures/pictures.ts';
import { IMAGES_PATH, imageNamed } from '../../queries/picture.ts';
import type { Answering, Exchange } from '../api/exchange.ts';
import { ProblemError } from '../api/problem.ts';
import { nothingAt } from './insight.ts';

const ROUTE = `${IMAGES_PATH}/:name`;
/** A file never changes: another picture has another name. */
const FOR_EVER = 'public, max-age=31536000, immutable';

interface ImagesDeps {
  readonly answering: Answering;
  readonly pictures: Pick<Pictures, 'read'>;
  readonly exchangeOf: (res: Response) => Exchange;
  readonly count?: (exchange: Exchange) => void | Promise<void>;
}

/**
 * Serves the files of pictures to anyone. A file that is there does not count against the rate limit, because one page shows many; a
 * name that is none does.
 */
export function addImages(app: Express, { answering, pictures, exchangeOf, count }: ImagesDeps): void {
  app.all(ROUTE, async (req: Request<{ name: string }>, res) => {
    const exchange = exchangeOf(res);
    exchange.route = ROUTE;
    if (req.method !== 'GET' && req.method !== 'HEAD') {
      await count?.(exchange);
      throw new ProblemError('METHOD_NOT_ALLOWED', 'MethodNotAllowed', `${req.method} is not allowed here.`, {
        headers: ['Allow', 'GET, HEAD'],
      });
    }
    const named = imageNamed(req.params.name);
    const file = named && (await pictures.read(named.key, named.size));
    if (file === undefined) {
      await count?.(exchange);
      throw nothingAt(exchange.path);
    }
    answering.send(exchange, 200, ['Content-Type', 'image/webp', 'Cache-Control', FOR_EVER], file);
  });
}
