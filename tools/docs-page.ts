/** The docs page of a kind: its description, the fields of its spec as a table, its rules. */
import type { Crd, Described, Schema } from './crd.ts';

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');

function typeOf(schema: Schema): string {
  if (schema.enum) return schema.enum.join(' \\| ');
  if (schema.type === 'array') return `list of ${typeOf(schema.items ?? {})}`;
  if (typeof schema.additionalProperties === 'object') return `map of ${typeOf(schema.additionalProperties)}`;
  return schema.type ?? 'any';
}

function rows(schema: Schema, path: string): string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    const here = `${path}.${name}`;
    const needed = schema.required?.includes(name)
      ? 'yes'
      : field.default === undefined
        ? ''
        : `default \`${JSON.stringify(field.default)}\``;
    const row = `| \`${here}\` | ${typeOf(field)} | ${needed} | ${cell(field.description ?? '')} |`;
    return [row, ...rows(field, here), ...(field.items ? rows(field.items, `${here}[]`) : [])];
  });
}

export function docsPageOf(definition: Described, crd: Crd): string {
  const { kind } = definition;
  const schema = crd.spec.versions[0].schema.openAPIV3Schema;
  const table = (part: string): string =>
    [
      '| field | type | required | meaning |',
      '| --- | --- | --- | --- |',
      ...rows(schema.properties?.[part] ?? {}, part),
    ].join('\n');
  return `<!-- Generated from lib/model by \`npm run generate\`: change it there. -->
# ${kind}

${definition.description}

\`kubectl get ${definition.plural}.keptn.sh\`, short ${definition.shortNames.map((name) => `\`${name}\``).join(', ')}; \`kubectl get keptn\` lists all kinds.

## spec

${table('spec')}

## status

${table('status')}

## Rules

${definition.rules.map((rule) => `- ${rule.message}`).join('\n')}
`;
}
