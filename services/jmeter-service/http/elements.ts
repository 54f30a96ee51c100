/** A .jmx file as a tree: each element of the plan with those that JMeter's hashTree has below it. */
import { XMLParser } from 'fast-xml-parser';
import { messageOf, Terminal } from '../../../lib/errors/classes.ts';
import { isRecord } from '../../../lib/events/http-message.ts';

interface Xml {
  tag: string;
  attributes: Readonly<Record<string, unknown>>;
  children: readonly Xml[];
  text: string;
}

/** Deeper than any plan that a person has made. */
const DEEPEST = 200;

/** An element of a plan, such as HTTPSamplerProxy. */
export class Element {
  readonly kind: string;
  readonly name: string;
  /** What edits it in JMeter, which tells apart elements of one kind. */
  readonly guiClass: string;
  /** Those below it in the plan, without the ones that are switched off. */
  readonly below: readonly Element[];
  readonly #xml: Xml;

  constructor(xml: Xml, below: readonly Element[]) {
    this.#xml = xml;
    this.kind = xml.tag;
    this.name = attribute(xml, 'testname');
    this.guiClass = attribute(xml, 'guiclass');
    this.below = below;
  }

  /** A property that is a text, a number or a boolean; empty when there is none. */
  text(name: string): string {
    return propertyOf(this.#xml, name)?.text ?? '';
  }

  /** The texts of a property that is a list of them. */
  texts(name: string): string[] {
    return propertyOf(this.#xml, name)?.children.map(({ text }) => text) ?? [];
  }

  /** The elements of a property that is a list of elements, in one that is an element when `within` names it. */
  list(name: string, within?: string): Element[] {
    const holder = within === undefined ? this.#xml : propertyOf(this.#xml, within);
    const items = holder && propertyOf(holder, name)?.children;
    return items?.map((item) => new Element(item, [])) ?? [];
  }

  /** A property that is an element. */
  part(name: string): Element | undefined {
    const found = propertyOf(this.#xml, name);
    return found && new Element(found, []);
  }
}

const parser = new XMLParser({
  preserveOrder: true,
  ignoreAttributes: false,
  attributeNamePrefix: '',
  parseTagValue: false,
  parseAttributeValue: false,
  trimValues: false,
  // For characters by their number, which JMeter writes for ends of lines.
  htmlEntities: true,
});

/** The elements at the top; throws `Terminal` for what is no JMeter plan. */
export function elementsOf(plan: Buffer): Element[] {
  const text = plan.toString('utf8');
  let parsed: unknown;
  try {
    // Entities of a plan's own could grow without end; JMeter writes none.
    if (/<!DOCTYPE/i.test(text)) throw new Error('it has a document type');
    parsed = parser.parse(text, true);
  } catch (error) {
    throw new Terminal('InvalidField', `is no JMeter plan: ${messageOf(error)}`);
  }
  const root = xmlsOf(parsed, 0).find(({ tag }) => tag === 'jmeterTestPlan');
  const tree = root?.children.find(({ tag }) => tag === 'hashTree');
  if (tree === undefined)
    throw new Terminal('InvalidField', 'is no JMeter plan: it has no jmeterTestPlan with a hashTree');
  return elementsIn(tree);
}

/** In a hashTree each element is followed by the hashTree of what is below it. */
function elementsIn(tree: Xml): Element[] {
  return tree.children.flatMap((xml, nth) => {
    if (xml.tag === 'hashTree' || attribute(xml, 'enabled') === 'false') return [];
    const next = tree.children[nth + 1];
    return [new Element(xml, next?.tag === 'hashTree' ? elementsIn(next) : [])];
  });
}

function xmlsOf(nodes: unknown, depth: number): Xml[] {
  if (!Array.isArray(nodes) || depth > DEEPEST) return [];
  return nodes.filter(isRecord).flatMap((node) => {
    const tag = Object.keys(node).find((key) => key !== ':@' && key !== '#text');
    if (tag === undefined) return [];
    const inside: unknown = node[tag];
    const attributes = isRecord(node[':@']) ? node[':@'] : {};
    return [{ tag, attributes, children: xmlsOf(inside, depth + 1), text: textIn(inside) }];
  });
}

function textIn(nodes: unknown): string {
  if (!Array.isArray(nodes)) return '';
  const texts = nodes.filter(isRecord).map((node) => node['#text']);
  return texts.filter((text) => typeof text === 'string').join('');
}

function attribute({ attributes }: Xml, name: string): string {
  const value = attributes[name];
  return typeof value === 'string' ? value : '';
}

function propertyOf(xml: Xml, name: string): Xml | undefined {
  return xml.children.find((child) => attribute(child, 'name') === name);
}
