/** One thing that somebody adds to the shop, as the table of `docs/how-to/add-something.md` promises that it is done. */
export interface Addition {
  /** The first words of its row in the table. */
  readonly row: string;
  /** Changes of the sources and new files in them: what the table counts. */
  readonly change: Change;
  /** What the compiler asks for when one of the edits is forgotten. */
  readonly forgotten?: Forgotten;
  /** Changes that tests need which know every event, or its data. */
  readonly tests?: readonly Edit[];
  /** Runs `npm run docs`, which writes the schemas of events. */
  readonly docs?: true;
  /** The test of what is new: it fails before, and passes after. */
  readonly spec: SourceFile;
  /** Tests that are there already, and must still pass. */
  readonly affected: readonly string[];
}

interface Change {
  readonly edits: readonly Edit[];
  readonly files?: readonly SourceFile[];
}

/** `from` stands in the file just once. */
export interface Edit {
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

export interface SourceFile {
  readonly file: string;
  readonly text: string;
}

interface Forgotten {
  readonly edit: Edit;
  /** Where the compiler complains, and of what. */
  readonly complaint: RegExp;
}

/** The files of the sources that an addition touches, each once. */
export const touched = ({ change: { edits, files = [] } }: Addition): string[] => [
  ...new Set([...edits, ...files].map(({ file }) => file)),
];

/** Text with the edit made. */
export function edited(text: string, { file, from, to }: Edit): string {
  if (text.split(from).length !== 2) throw new Error(`${file} does not hold ${JSON.stringify(from)} once`);
  return text.replace(from, () => to);
}
