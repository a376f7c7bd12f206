type Environment = Readonly<Record<string, string | undefined>>;

/** The value of a name; undefined when it is empty too. */
type Of = (name: string) => string | undefined;

/** The names under which other shops keep these settings, and how their values make ours. A setting of our own name wins. */
const MADE_FROM: Readonly<Record<string, { readonly names: readonly string[]; make: (of: Of) => string | undefined }>> =
  {
    PORT: { names: ['APP_PORT'], make: (of) => of('APP_PORT') },
    NODE_ENV: { names: ['APP_ENV', 'ENV'], make: (of) => modeOf(of('APP_ENV')) ?? modeOf(of('ENV')) },
    DATABASE_URL: {
      names: ['DB_URL', 'DB_HOST', 'DB_PORT', 'DB_USER', 'DB_PASSWORD', 'DB_NAME', 'DB_SSLMODE'],
      make: (of) => of('DB_URL') ?? databaseUrl(of),
    },
    REDIS_URL: {
      names: ['REDIS_HOST', 'REDIS_PORT', 'REDIS_PASSWORD'],
      make: (of) => urlFrom('redis', of('REDIS_HOST'), { port: of('REDIS_PORT'), password: of('REDIS_PASSWORD') }),
    },
    SMTP_URL: {
      names: ['SMTP_HOST', 'SMTP_PORT', 'SMTP_USER', 'SMTP_PASSWORD'],
      make: (of) =>
        urlFrom('smtp', of('SMTP_HOST'), {
          ...{ port: of('SMTP_PORT'), user: of('SMTP_USER'), password: of('SMTP_PASSWORD') },
        }),
    },
  };

/** The other names of each setting that has some. */
export const OTHER_NAMES_OF: Readonly<Record<string, readonly string[]>> = Object.fromEntries(
  Object.entries(MADE_FROM).map(([name, { names }]) => [name, names]),
);
export const OTHER_NAMES: readonly string[] = Object.values(OTHER_NAMES_OF).flat();

const MODES: Readonly<Record<string, string>> = {
  ...{ development: 'development', dev: 'development', test: 'test' },
  ...{ production: 'production', prod: 'production', docker: 'production' },
};
/** Any other word is another program's: shells have a variable `ENV` of their own. */
const modeOf = (word: string | undefined): string | undefined => MODES[word?.toLowerCase() ?? ''];

const DATABASE_DEFAULTS = { user: 'postgres', name: 'postgres' } as const;

function databaseUrl(of: Of): string | undefined {
  const { user, name } = DATABASE_DEFAULTS;
  const parts = { port: of('DB_PORT'), user: of('DB_USER') ?? user, password: of('DB_PASSWORD') };
  const url = urlFrom('postgres', of('DB_HOST'), parts);
  if (url === undefined) return undefined;
  const mode = of('DB_SSLMODE');
  return `${url}/${encodeURIComponent(of('DB_NAME') ?? name)}${mode === undefined ? '' : `?sslmode=${encodeURIComponent(mode)}`}`;
}

function urlFrom(
  scheme: string,
  host: string | undefined,
  { port, user = '', password }: { port: string | undefined; user?: string | undefined; password: string | undefined },
): string | undefined {
  if (host === undefined) return undefined;
  const secret = password === undefined ? '' : `:${encodeURIComponent(password)}`;
  const account = user === '' && secret === '' ? '' : `${encodeURIComponent(user)}${secret}@`;
  return `${scheme}://${account}${host}${port === undefined ? '' : `:${port}`}`;
}

/** The environment with the settings that it gives under other names only. */
export function inOwnNames(env: Environment): Environment {
  const of: Of = (name) => (env[name]?.trim() === '' ? undefined : env[name]?.trim());
  const made: Record<string, string> = {};
  for (const [name, { make }] of Object.entries(MADE_FROM)) {
    if (of(name) !== undefined || of(`${name}_FILE`) !== undefined) continue;
    const value = make(of);
    if (value !== undefined) made[name] = value;
  }
  return { ...env, ...made };
}
