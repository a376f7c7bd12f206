import { request, type Answer } from './shop.ts';

interface Recorded {
  readonly request: string;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** The answer as sent, with placeholders for parts that differ from run to run. */
  readonly body: string;
}

interface Options {
  readonly token?: string;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
  /** Not recorded. For requests that only wait for something, and so repeat a varying number of times. */
  readonly quietly?: boolean;
}

/** Headers of the connection, and those that vary with the time or with the length of replaced parts. */
const LEFT_OUT = new Set(['connection', 'content-length', 'date', 'keep-alive', 'transfer-encoding']);
const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;
const INSTANT = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z/g;
const JWT = /eyJ[\w-]+\.[\w-]+\.[\w-]+/g;
const POSITIONS = new Set(['event-position', 'projection-position']);

/** Replaces the parts that differ from run to run. The first id is always `<id 1>`, whatever its value. */
function createNaming(): (text: string) => string {
  const ids = new Map<string, string>();
  const idOf = (uuid: string): string => {
    const known = ids.get(uuid) ?? `<id ${ids.size + 1}>`;
    ids.set(uuid, known);
    return known;
  };
  return (text) =>
    text
      .replace(UUID, idOf)
      .replace(INSTANT, '<time>')
      .replace(JWT, '<token>')
      .replace(/("refresh_token":)"[^"]*"/g, '$1"<token>"')
      .replace(/("position":)("?)\d+\2/g, '$1$2<position>$2');
}

/** An ETag ends with a digest of the answer's text, which contains ids and times. */
const valueOf = (name: string, value: string): string => {
  if (POSITIONS.has(name)) return value.replace(/^\d+$/, '<position>');
  return name === 'etag' ? value.replace(/\.[\w-]+"$/, '.<digest>"') : value;
};

/** Calls a shop and records its answers, so that two shops can be compared. */
export function createRecorder(url: string) {
  const naming = createNaming();
  const answers: Recorded[] = [];
  return {
    answers,
    async call(method: string, path: string, { quietly = false, ...options }: Options = {}): Promise<Answer> {
      const answer = await request(url, method, path, options);
      if (quietly) return answer;
      const headers = [...answer.headers]
        .filter(([name]) => !LEFT_OUT.has(name))
        .sort(([one], [other]) => (one < other ? -1 : 1))
        .map(([name, value]) => [name, naming(valueOf(name, value))]);
      answers.push({
        request: naming(`${method} ${path}`),
        status: answer.status,
        headers: Object.fromEntries(headers) as Record<string, string>,
        body: naming(answer.text),
      });
      return answer;
    },
  };
}
