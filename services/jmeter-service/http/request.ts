/** A request of a plan, and what is expected of the answer. */
import type { Element } from './elements.ts';
import type { Scope } from './plan.ts';
import type { Filling, Template } from './template.ts';

export interface Request {
  name: string;
  method: Template;
  url: (filling: Filling) => string;
  headers: (filling: Filling) => Headers;
  body: (filling: Filling) => Uint8Array<ArrayBuffer> | undefined;
  timeoutMs: number;
  followRedirects: boolean;
  cookies: boolean;
}

export interface Assertion {
  field: 'code' | 'body';
  /** The status does not count, what is asserted does. */
  assumeSuccess: boolean;
  /** Why the answer is none that was expected; undefined when it is. */
  problem: (actual: string, filling: Filling) => string | undefined;
}

const TIMEOUT_MS = 30_000;
/** Connections are the runtime's, which refuses these. */
const ownHeaders = new Set(['connection', 'content-length', 'host', 'keep-alive', 'transfer-encoding', 'expect']);
const defaultPorts: Readonly<Record<string, string>> = { http: '80', https: '443' };

/** As a browser sends a form. */
const formEncoded = (text: string): string => new URLSearchParams({ '': text }).toString().slice(1);

type ToTemplate = (text: string) => Template;
type Unknown = (what: string) => unknown;

export function requestOf(sampler: Element, scope: Scope, template: ToTemplate, unknown: Unknown): Request {
  // The nearest defaults come last.
  const sources = [sampler, ...scope.defaults.toReversed()];
  const property = (name: string): string =>
    sources.map((source) => source.text(`HTTPSampler.${name}`)).find((text) => text !== '') ?? '';
  const [protocol, domain, port, path] = ['protocol', 'domain', 'port', 'path'].map((name) => template(property(name)));
  const own = sampler.list('Arguments.arguments', 'HTTPsampler.Arguments');
  const inherited = scope.defaults.flatMap((one) => one.list('Arguments.arguments', 'HTTPsampler.Arguments'));
  const args = [...own, ...inherited].map((argument) => ({
    name: template(argument.text('Argument.name')),
    value: template(argument.text('Argument.value')),
    equals: argument.text('Argument.metadata'),
    encode: argument.text('HTTPArgument.always_encode') === 'true',
  }));
  const method = template(property('method') || 'GET');
  const raw = property('postBodyRaw') === 'true';
  if (property('DO_MULTIPART_POST') === 'true') unknown('a multipart request');
  if (sampler.list('HTTPFileArgs.files', 'HTTPsampler.Files').length > 0) unknown('a file to send');
  if (property('image_parser') === 'true') unknown('a request that fetches what a page embeds');
  const inBody = (filling: Filling): boolean => raw || /^(POST|PUT|PATCH)$/i.test(method(filling));
  const form = (filling: Filling): string =>
    args
      .map(({ name, equals, value, encode }) => {
        const said = encode ? formEncoded : (text: string): string => text;
        return `${said(name(filling))}${equals}${said(value(filling))}`;
      })
      .join('&');
  /** Arguments without names are the body as it is. */
  const isForm = (filling: Filling): boolean => !raw && args.some(({ name }) => name(filling) !== '');
  return {
    name: sampler.name,
    method,
    url(filling) {
      const text = path?.(filling) ?? '';
      const query = !inBody(filling) && /^(GET|DELETE|OPTIONS)$/i.test(method(filling)) ? form(filling) : '';
      const scheme = protocol?.(filling).toLowerCase() || 'http';
      const number = port?.(filling) ?? '';
      const authority = `${domain?.(filling) ?? ''}${number === '' || number === defaultPorts[scheme] ? '' : `:${number}`}`;
      const address = /^https?:\/\//i.test(text)
        ? text
        : `${scheme}://${authority}${text.startsWith('/') ? '' : '/'}${text}`;
      return query === '' ? address : `${address}${address.includes('?') ? '&' : '?'}${query}`;
    },
    headers: headersOf(scope, template, (filling) => {
      // As JMeter, where the plan has no header that says it.
      if (!inBody(filling) && !/^DELETE$/i.test(method(filling))) return undefined;
      const kind = isForm(filling) || args.length === 0 ? 'application/x-www-form-urlencoded' : 'text/plain';
      return `${kind}; charset=UTF-8`;
    }),
    body(filling) {
      if (!inBody(filling) || args.length === 0) return undefined;
      // As bytes: to a text the runtime would add a content type of its own.
      return new TextEncoder().encode(
        isForm(filling) ? form(filling) : args.map(({ value }) => value(filling)).join(''),
      );
    },
    timeoutMs: Number(property('response_timeout')) || TIMEOUT_MS,
    followRedirects: property('follow_redirects') === 'true' || property('auto_redirects') === 'true',
    cookies: scope.cookies,
  };
}

function headersOf(
  scope: Scope,
  template: ToTemplate,
  contentType: (filling: Filling) => string | undefined,
): Request['headers'] {
  const given = scope.headers
    .flatMap((manager) => manager.list('HeaderManager.headers'))
    .map((header) => [template(header.text('Header.name')), template(header.text('Header.value'))] as const);
  const mark = template('TSN=${__samplerName()};LTN=${__P(DT_LTN,)};VU=${__threadNum};');
  return (filling) => {
    const headers = new Headers();
    const type = contentType(filling);
    if (type !== undefined) headers.set('content-type', type);
    for (const [name, value] of given) {
      if (!ownHeaders.has(name(filling).toLowerCase())) headers.set(name(filling), value(filling));
    }
    if (scope.marked) headers.set('x-dynatrace-test', mark(filling));
    return headers;
  };
}

/** JMeter's bits. */
const bits = { matches: 1, contains: 2, not: 4, equals: 8, substring: 16, or: 32 };

export function assertionOf(element: Element, template: ToTemplate, unknown: Unknown): Assertion {
  const field = element.text('Assertion.test_field');
  if (field !== 'Assertion.response_code' && field !== 'Assertion.response_data') {
    unknown(`an assertion about the ${field.replace(/^Assertion\./, '').replaceAll('_', ' ')}`);
  }
  const type = Number(element.text('Assertion.test_type')) || 0;
  const expected = element.texts('Asserion.test_strings').map(template);
  const not = (type & bits.not) !== 0;
  const holds = (actual: string, text: string): boolean => {
    if (type & bits.equals) return actual === text;
    if (type & bits.substring) return actual.includes(text);
    return new RegExp(type & bits.contains ? text : `^(?:${text})$`, 's').test(actual);
  };
  const what = field === 'Assertion.response_code' ? 'code' : 'body';
  return {
    field: what,
    assumeSuccess: element.text('Assertion.assume_success') === 'true',
    problem(actual, filling) {
      const texts = expected.map((one) => one(filling));
      const wrong = texts.filter((text) => holds(actual, text) === not);
      if (wrong.length === 0 || (type & bits.or && wrong.length < texts.length)) return undefined;
      const shown = what === 'code' ? actual : `a body of ${actual.length} characters`;
      return `${shown} came where ${not ? 'anything but ' : ''}${wrong.join(' or ')} was expected`;
    },
  };
}
