/** Something that people do from the page: what it is, what it will do, the event it sends, and the same by other means. */
import type { ComponentChildren } from 'preact';

export interface Action {
  /** On the button, and over the question. */
  title: string;
  /** Makes what the dialog shows; called when it opens. */
  form: () => ActionForm;
  danger?: boolean;
}

export interface ActionForm {
  /** Fields to fill in; none where there is nothing to choose. */
  fields?: () => ComponentChildren;
  /** What will happen, in a sentence, by what is filled in. */
  consequence: () => string;
  /** The event; a sentence when something is missing. */
  event: () => object | string;
  /** The same on the command line. */
  command: () => string;
  /** The same declared, or as a file that the command line sends. */
  yaml: () => { title: string; text: string };
}

/** A word for a shell: quoted where it has to be. */
export function shellWord(text: string): string {
  return /^[\w./:@=,+-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** A text for YAML: quoted where it could be read as something else. */
export function yamlText(text: string): string {
  return /^[A-Za-z][\w./:@-]*$/.test(text) && !/:$/.test(text) && !/^(true|false|null|yes|no|on|off)$/i.test(text)
    ? text
    : JSON.stringify(text);
}

/** A patch of the Service that kubectl takes: an annotation. */
export function annotationYaml(object: { namespace: string; name: string }, annotation: string, value: string): string {
  return [
    'apiVersion: keptn.sh/v1alpha1',
    'kind: Service',
    'metadata:',
    `  name: ${yamlText(object.name)}`,
    `  namespace: ${yamlText(object.namespace)}`,
    '  annotations:',
    `    ${annotation}: ${yamlText(value)}`,
  ].join('\n');
}
