/** English words whose plural no rule makes. */
const IRREGULAR: readonly (readonly [one: string, many: string])[] = [
  ...([
    'man/men',
    'woman/women',
    'child/children',
    'person/people',
    'foot/feet',
    'tooth/teeth',
    'goose/geese',
  ] as const),
  ...(['mouse/mice', 'louse/lice', 'ox/oxen', 'die/dice', 'penny/pence', 'cactus/cacti', 'fungus/fungi'] as const),
  ...(['radius/radii', 'stimulus/stimuli', 'nucleus/nuclei', 'alumnus/alumni', 'criterion/criteria'] as const),
  ...(['phenomenon/phenomena', 'medium/media', 'datum/data', 'stratum/strata', 'index/indices'] as const),
  ...([
    'matrix/matrices',
    'vertex/vertices',
    'appendix/appendices',
    'axis/axes',
    'basis/bases',
    'crisis/crises',
  ] as const),
  ...(['thesis/theses', 'analysis/analyses', 'quiz/quizzes', 'bus/buses', 'gas/gases', 'beau/beaux'] as const),
  ...(['plateau/plateaux', 'gateau/gateaux', 'bureau/bureaux', 'larva/larvae', 'formula/formulae'] as const),
].map((pair) => pair.split('/') as [string, string]);

/** English words in -f and -fe whose plural ends in -ves. Others, such as roof and cuff, only take an s. */
const VES: ReadonlySet<string> = new Set([
  ...(['knife', 'wife', 'life', 'midwife', 'penknife', 'jackknife', 'shelf', 'bookshelf', 'self', 'elf'] as const),
  ...(['half', 'calf', 'leaf', 'cloverleaf', 'loaf', 'meatloaf', 'thief', 'wolf', 'werewolf', 'sheaf'] as const),
  ...(['scarf', 'headscarf', 'hoof', 'wharf', 'dwarf', 'handkerchief', 'beef', 'turf'] as const),
]);

const LENGTH_MIN = 3;
const HISSES = /(?:s|x|z|ch|sh)$/;

function pluralsOf(word: string): string[] {
  const plurals = IRREGULAR.flatMap(([one, many]) => (endsIn(word, one) ? [word.slice(0, -one.length) + many] : []));
  if (VES.has(word)) plurals.push(word.replace(/fe?$/, 'ves'));
  if (/[^aeiou]y$|quy$/.test(word)) plurals.push(`${word.slice(0, -1)}ies`);
  else if (HISSES.test(word) || /[^aeiou]o$/.test(word)) plurals.push(`${word}es`);
  if (/[aeiou]z$/.test(word)) plurals.push(`${word}zes`);
  if (!/(?:s|x|z|ch|sh)$/.test(word)) plurals.push(`${word}s`);
  return plurals;
}

function singularsOf(word: string): string[] {
  const singulars = IRREGULAR.flatMap(([one, many]) => (endsIn(word, many) ? [word.slice(0, -many.length) + one] : []));
  const ves = /^(.+)ves$/.exec(word)?.[1];
  if (ves !== undefined) singulars.push(...[`${ves}f`, `${ves}fe`].filter((one) => VES.has(one)));
  if (/[^aeiou]ies$|quies$/.test(word)) singulars.push(`${word.slice(0, -3)}y`);
  if (/(?:[sxz]|ch|sh|o)es$/.test(word)) singulars.push(word.slice(0, -2));
  if (/[aeiou]zzes$/.test(word)) singulars.push(word.slice(0, -3));
  if (/[^su]s$/.test(word)) singulars.push(word.slice(0, -1));
  return singulars;
}

/** Compounds such as fisherman and grandchild decline with their last word; short words do so only alone. */
function endsIn(word: string, last: string): boolean {
  if (word === last) return true;
  const compounds = last.length > LENGTH_MIN || last === 'man' || last === 'men';
  return compounds && word.length > last.length + 1 && word.endsWith(last);
}

/**
 * The other forms of a folded English noun, one and many, by rules and a list of exceptions. Some are no words; nobody writes them.
 * A stemmer is not enough: for the one of Postgres, knives are of `knive` and lenses of `lens`, but a lens is of `len`.
 */
export function inflectionsOf(word: string): string[] {
  if (word.length < LENGTH_MIN || !/^[a-z]+$/.test(word)) return [];
  const singulars = singularsOf(word).filter((one) => one.length > 1);
  const forms = [...singulars, ...[word, ...singulars].flatMap(pluralsOf)];
  return [...new Set(forms)].filter((form) => form !== word);
}
