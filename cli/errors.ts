/** What ends a command early: a sentence that says what to do next, and the exit code. */

/** Documented in docs/cli.md. */
export const exitCodes = {
  failed: { code: 1, meaning: 'Refused, or what was asked for has failed; the message says why.' },
  usage: {
    code: 2,
    meaning: 'The command line is not valid: an unknown flag, a missing value, a file that is not there.',
  },
  unreachable: { code: 3, meaning: 'Keptn does not answer, or the cluster where it is to be.' },
  unauthorized: {
    code: 4,
    meaning:
      'There is no token, or it is wrong: `keptn auth`. Of a cluster: it does not take the credentials of the kubeconfig.',
  },
  timeout: { code: 5, meaning: 'It is not done within `--timeout`; it goes on in Keptn.' },
} as const;

export class CliError extends Error {
  readonly code: number;

  constructor(why: keyof typeof exitCodes, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = exitCodes[why].code;
  }
}

/** Where a command with --mock ends: at what it would have sent. */
export class MockEnd extends Error {
  constructor(method: string, path: string, body: unknown) {
    const content = body === undefined ? '' : ` ${JSON.stringify(body)}`;
    super(`would send ${method} ${path}${content}`);
  }
}
