import { setFlagsFromString } from 'node:v8';

/**
 * Makes V8 create every object in the young generation. Call it before anything else runs.
 *
 * V8 moves the creation of an object to the old generation if most objects of the same place in the code lived long. A request that waits
 * for the disk lives long in that sense. Later requests then start old too, and everything that they refer to stays until a full
 * collection: the processor time of a cached `GET` doubled once a few hundred commands had run (`npm run bench -- http`).
 */
export const keepObjectsYoung = (): void => setFlagsFromString('--no-allocation-site-pretenuring');
