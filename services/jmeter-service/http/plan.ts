/** A JMeter plan as the http runner runs it: thread groups, loops and requests, each with what applies to it. */
import { Terminal } from '../../../lib/errors/classes.ts';
import { elementsOf, type Element } from './elements.ts';
import { assertionOf, requestOf, type Assertion, type Request } from './request.ts';
import { templateOf, type Template } from './template.ts';

export interface Plan {
  /** The user defined variables, in their order. */
  variables: readonly (readonly [string, Template])[];
  groups: readonly Group[];
  /** True: the thread groups run one after another. */
  serial: boolean;
}

export interface Group {
  name: string;
  users: Template;
  rampUpSeconds: Template;
  /** Undefined: until the loops are done. */
  seconds: Template | undefined;
  onFailure: string;
  loop: Loop;
}

export interface Loop {
  /** -1: for ever. */
  times: Template;
  steps: readonly (Loop | Step)[];
}

/** A request, after what its timers say. */
export interface Step {
  delays: readonly Template[];
  request: Request;
  assertions: readonly Assertion[];
}

/** What applies to an element, and to all below it. */
export interface Scope {
  defaults: readonly Element[];
  headers: readonly Element[];
  timers: readonly Element[];
  assertions: readonly Element[];
  cookies: boolean;
  /** Monitoring tools are told in a header which test a request belongs to. */
  marked: boolean;
}

/** They show results, and do nothing to the service. */
const listeners = new Set(['ResultCollector', 'Summariser']);
const configuration: Readonly<Record<string, (scope: Scope, element: Element) => Scope>> = {
  ConfigTestElement: (scope, element) => ({ ...scope, defaults: [...scope.defaults, element] }),
  HeaderManager: (scope, element) => ({ ...scope, headers: [...scope.headers, element] }),
  ConstantTimer: (scope, element) => ({ ...scope, timers: [...scope.timers, element] }),
  ResponseAssertion: (scope, element) => ({ ...scope, assertions: [...scope.assertions, element] }),
  CookieManager: (scope) => ({ ...scope, cookies: true }),
  Arguments: (scope) => scope,
};

/** Throws `Terminal` for what is no plan, and for one that has what the http runner cannot run. */
export function planOf(content: Buffer): Plan {
  return new Reader().plan(elementsOf(content));
}

class Reader {
  readonly #unknown = new Set<string>();

  plan(top: readonly Element[]): Plan {
    const plans = top.filter(({ kind }) => kind === 'TestPlan');
    const scope = { defaults: [], headers: [], timers: [], assertions: [], cookies: false, marked: false };
    const groups = plans.flatMap((plan) => this.#groups(plan, this.#scoped(scope, plan)));
    const variables = plans.flatMap((plan) => [
      ...plan.list('Arguments.arguments', 'TestPlan.user_defined_variables').map((one) => this.#variable(one)),
      ...this.#declared(plan),
    ]);
    const read = {
      variables,
      groups,
      serial: plans.some((plan) => plan.text('TestPlan.serialize_threadgroups') === 'true'),
    };
    if (this.#unknown.size > 0) {
      const what = [...this.#unknown].join(' and ');
      throw new Terminal('InvalidField', `has ${what}, which the http runner cannot run: install JMeter`);
    }
    if (groups.length === 0) throw new Terminal('InvalidField', 'has no thread group');
    return read;
  }

  #template(text: string): Template {
    return templateOf(text, (name) => this.#unknown.add(`the function ${name}`));
  }

  #variable(argument: Element): readonly [string, Template] {
    return [argument.text('Argument.name'), this.#template(argument.text('Argument.value'))];
  }

  /** Variables are known everywhere, wherever in the plan they are. */
  #declared(element: Element): (readonly [string, Template])[] {
    return element.below.flatMap((child) => [
      ...(child.kind === 'Arguments' ? child.list('Arguments.arguments').map((one) => this.#variable(one)) : []),
      ...this.#declared(child),
    ]);
  }

  /** What applies to those below an element, by the elements among them that only say such things. */
  #scoped(scope: Scope, { below }: Element): Scope {
    return below.reduce((now, child) => {
      // Keptn's own examples have a script for this one header, which needs no interpreter.
      if (child.kind === 'BeanShellPreProcessor' && marks(child)) return { ...now, marked: true };
      return configuration[child.kind]?.(now, child) ?? now;
    }, scope);
  }

  #groups(plan: Element, scope: Scope): Group[] {
    return plan.below.flatMap((child) => {
      if (child.kind !== 'ThreadGroup') {
        if (!this.#isSetting(child)) this.#unknown.add(named(child.kind));
        return [];
      }
      const controller = child.part('ThreadGroup.main_controller');
      const forever = controller?.text('LoopController.continue_forever') === 'true';
      const loops = controller?.text('LoopController.loops') || '1';
      const timed = child.text('ThreadGroup.scheduler') === 'true' && child.text('ThreadGroup.duration') !== '';
      if ((forever || loops === '-1') && !timed) this.#unknown.add('a thread group without an end');
      return {
        name: child.name,
        users: this.#template(child.text('ThreadGroup.num_threads') || '1'),
        rampUpSeconds: this.#template(child.text('ThreadGroup.ramp_time') || '0'),
        seconds: timed ? this.#template(child.text('ThreadGroup.duration')) : undefined,
        onFailure: child.text('ThreadGroup.on_sample_error'),
        loop: { times: this.#template(forever ? '-1' : loops), steps: this.#steps(child, scope) },
      };
    });
  }

  #steps(parent: Element, outer: Scope): (Loop | Step)[] {
    const scope = this.#scoped(outer, parent);
    return parent.below.flatMap((child): (Loop | Step)[] => {
      switch (child.kind) {
        case 'HTTPSamplerProxy':
        case 'HTTPSampler':
          return [this.#step(child, scope)];
        case 'LoopController': {
          const times = this.#template(child.text('LoopController.loops') || '1');
          return [{ times, steps: this.#steps(child, scope) }];
        }
        case 'GenericController':
          return this.#steps(child, scope);
        default:
          if (!this.#isSetting(child)) this.#unknown.add(named(child.kind));
          return [];
      }
    });
  }

  #step(sampler: Element, outer: Scope): Step {
    const scope = this.#scoped(outer, sampler);
    for (const child of sampler.below) if (!this.#isSetting(child)) this.#unknown.add(named(child.kind));
    const template = (text: string): Template => this.#template(text);
    const unknown = (what: string): unknown => this.#unknown.add(what);
    return {
      delays: scope.timers.map((timer) => template(timer.text('ConstantTimer.delay'))),
      request: requestOf(sampler, scope, template, unknown),
      assertions: scope.assertions.map((one) => assertionOf(one, template, unknown)),
    };
  }

  #isSetting(element: Element): boolean {
    if (element.kind === 'BeanShellPreProcessor') return marks(element);
    if (element.kind === 'ConfigTestElement' && !element.guiClass.endsWith('HttpDefaultsGui')) return false;
    return listeners.has(element.kind) || Object.hasOwn(configuration, element.kind);
  }
}

function marks(processor: Element): boolean {
  const script = processor.text('script');
  return script.includes('x-dynatrace-test') && !/\b(vars|props)\.put|sampler\.(set|add)/.test(script);
}

/** As a person says it: JDBCSampler is a JDBC sampler. */
function named(kind: string): string {
  const words = kind.match(/[A-Z]+\d*(?![a-z])|[A-Z]?[a-z0-9]+/g) ?? [kind];
  const text = words.map((word) => (/^[A-Z]{2}/.test(word) ? word : word.toLowerCase())).join(' ');
  return `${/^[aeio]/i.test(text) ? 'an' : 'a'} ${text}`;
}
