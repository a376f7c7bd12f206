import type { RequestHandler } from 'express';
import { BASE_PATH } from '../api/api.ts';

/** A path of the API without its version, such as `/api/products/…`. */
const UNVERSIONED = /^\/api\/(?!v\d+(?:\/|$))(?=[a-z])/;
const REDIRECT = 308;

/** Sends clients that leave out the version of the API to this one. The method and the body stay as they are. */
export const redirectUnversioned: RequestHandler = (req, res, next) => {
  const { url } = req;
  if (!UNVERSIONED.test(url)) next();
  else res.redirect(REDIRECT, url.replace(UNVERSIONED, `${BASE_PATH}/`));
};
