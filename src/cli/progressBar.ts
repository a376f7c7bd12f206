import { Presets, SingleBar } from 'cli-progress';

/** Without a terminal, a line is printed at most this often, ms. */
const LINE_MS = 2_000;
const FRAMES_PER_SECOND = 8;
const FORMAT = '{label} [{bar}] {percentage}%  {done}/{all} {unit}  {rate}/s  {left}';

export interface ProgressBar {
  update(done: number, total?: number): void;
  /** Shows the final figures on a terminal and ends the bar; does nothing without a terminal. */
  stop(): void;
}

export interface ProgressOptions {
  readonly label: string;
  /** The unit of the counts, such as `events`. */
  readonly unit: string;
  readonly total: number;
  /** Prints nothing without a terminal, because a program reads the output. */
  readonly quiet?: boolean;
}

export const count = (value: number): string => Math.round(value).toLocaleString('en-US');

export function duration(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 100) return `${Math.round(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 100 ? `${minutes} min ${Math.round(seconds % 60)} s` : `${(minutes / 60).toFixed(1)} h`;
}

/** Shows progress, rate and time left on stderr: as a bar on a terminal, else as a line every `LINE_MS`. */
export function createProgressBar(options: ProgressOptions): ProgressBar {
  const { label, unit, quiet = false } = options;
  const beganAt = performance.now();
  let { total } = options;
  let done = 0;

  const figures = () => {
    const seconds = (performance.now() - beganAt) / 1_000;
    const rate = done / Math.max(seconds, 0.001);
    const left = done >= total || rate === 0 ? '' : `${duration((total - done) / rate)} left`;
    return { label, unit, done: count(done), all: count(total), rate: count(rate), left };
  };

  if (process.stderr.isTTY) {
    const bar = new SingleBar(
      { format: FORMAT, fps: FRAMES_PER_SECOND, stream: process.stderr, hideCursor: false },
      Presets.shades_classic,
    );
    let begun = false;
    return {
      update(to, of = total) {
        [done, total] = [to, of];
        if (begun) {
          bar.setTotal(total);
          bar.update(done, figures());
        } else if (total > 0) {
          bar.start(total, done, figures());
          begun = true;
        }
      },
      stop() {
        if (!begun) return;
        bar.update(done, figures());
        bar.stop();
      },
    };
  }

  let printedAt = beganAt;
  const print = (): void => {
    printedAt = performance.now();
    const { all, rate, left, ...now } = figures();
    const of = total > 0 ? ` of ${all} (${Math.floor((100 * done) / total)}%)` : '';
    if (!quiet) console.error(`${label}: ${now.done}${of} ${unit}, ${rate}/s${left === '' ? '' : `, ${left}`}`);
  };
  return {
    update(to, of = total) {
      [done, total] = [to, of];
      if (performance.now() - printedAt >= LINE_MS) print();
    },
    stop: () => undefined,
  };
}
