import type { BusWorld } from './world.ts';
import { failureContract } from './failureContract.ts';
import { flowContract } from './flowContract.ts';

/** The promises of `Bus`, which every adapter keeps. */
export function busContract(name: string, open: () => Promise<BusWorld>): void {
  flowContract(name, open);
  failureContract(name, open);
}
