/** Calls to the API server: a deadline for each, and its errors sorted into ours. */
import {
  ApiException,
  type ConfigurationOptions,
  Observable,
  type ObservableMiddleware,
  PatchStrategy,
  type RequestContext,
  setHeaderOptions,
} from '@kubernetes/client-node';
import { z } from 'zod';
import { withDeadline } from '../../errors/deadline.ts';
import { parseJson } from '../../errors/parse-json.ts';
import { KeptnError, messageOf, Terminal, Transient } from '../../errors/classes.ts';

const DEADLINE_MS = 15_000;
/** How long connections are shared before new credentials are taken up, such as a rotated client certificate. */
const SHARE_MS = 5 * 60_000;

type Options = ConfigurationOptions<ObservableMiddleware>;

const patchTypes = { merge: PatchStrategy.MergePatch, apply: PatchStrategy.ServerSideApply };

type Dispatcher = ReturnType<RequestContext['getDispatcher']>;

/** Makes the calls of one client. */
export class Caller {
  #shared: { dispatcher: Dispatcher; until: number } = { dispatcher: undefined, until: 0 };

  /** Runs a call, which is given up after the deadline; `patch`: its content type. */
  timed<T>(run: (options: Options) => Promise<T>, patch?: keyof typeof patchTypes): Promise<T> {
    return withDeadline(DEADLINE_MS, (signal) => run(this.#optionsOf(signal, patch)));
  }

  /** As `timed`; what is thrown becomes `Transient` or, where repeating cannot help, `Terminal`, unless it is an error of ours. */
  async call<T>(what: string, run: (options: Options) => Promise<T>, patch?: keyof typeof patchTypes): Promise<T> {
    try {
      return await this.timed(run, patch);
    } catch (cause) {
      if (cause instanceof KeptnError) throw cause;
      const message = `${what}: ${sentenceOf(cause)}`;
      const status = statusOf(cause);
      if (status === 400 || status === 422 || isUnknownField(status, message))
        throw new Terminal('Rejected', message, { cause });
      throw new Transient(status === undefined ? `the API server does not answer (${message})` : message, { cause });
    }
  }

  /** For clients that take no options with a call. */
  middleware(signal?: AbortSignal): ObservableMiddleware {
    return {
      pre: (context) => {
        if (signal) context.setSignal(signal);
        // client-node makes an agent, and so a TLS connection, for each request.
        if (Date.now() > this.#shared.until)
          this.#shared = { dispatcher: context.getDispatcher(), until: Date.now() + SHARE_MS };
        if (this.#shared.dispatcher) context.setDispatcher(this.#shared.dispatcher);
        return new Observable(Promise.resolve(context));
      },
      post: (context) => new Observable(Promise.resolve(context)),
    };
  }

  #optionsOf(signal: AbortSignal, patch: keyof typeof patchTypes | undefined): Options {
    const plain: Options = { middleware: [this.middleware(signal)], middlewareMergeStrategy: 'append' };
    return patch ? setHeaderOptions('Content-Type', patchTypes[patch], plain) : plain;
  }
}

/** HTTP status of an API server's refusal; undefined when it did not answer. */
export function statusOf(error: unknown): number | undefined {
  return error instanceof ApiException ? error.code : undefined;
}

/** A server-side apply that names a field which the schema does not know is answered as if the server were broken. */
const isUnknownField = (status: number | undefined, message: string): boolean =>
  status === 500 && message.includes('field not declared in schema');

const statusBody = z.object({ message: z.string() });

/** The API server's own sentence, without the headers and bodies that client-node puts around it. */
export function sentenceOf(error: unknown): string {
  if (!(error instanceof ApiException)) return messageOf(error);
  const body: unknown = typeof error.body === 'string' ? parseJson(error.body) : error.body;
  const parsed = statusBody.safeParse(body);
  return parsed.success ? parsed.data.message : `HTTP ${error.code}`;
}
