import http from 'node:http';

interface Raw {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: object;
}

/** Posts to a target that is sent as it stands, with any `Host`. Returns the status. */
export function rawPost(url: string, target: string, { headers, body }: Raw): Promise<number> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url);
    const options = { hostname, port, path: target, method: 'POST' };
    const sent = http.request({ ...options, headers: { 'content-type': 'application/json', ...headers } }, (answer) => {
      answer.resume();
      answer.once('end', () => resolve(answer.statusCode ?? 0));
    });
    sent.once('error', reject).end(JSON.stringify(body));
  });
}
