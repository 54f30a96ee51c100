/** JMeter plans for tests, as JMeter writes them. */

const prop = (kind: string, name: string, value: string | number | boolean): string =>
  `<${kind}Prop name="${name}">${String(value).replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')}</${kind}Prop>`;
export const text = (name: string, value: string): string => prop('string', name, value);
export const bool = (name: string, value: boolean): string => prop('bool', name, value);
export const int = (name: string, value: number): string => prop('int', name, value);

/** An element with its properties, and what is below it. */
export const element = (
  kind: string,
  name: string,
  properties: string[],
  below: string[] = [],
  enabled = true,
): string =>
  `<${kind} guiclass="${kind === 'ConfigTestElement' ? 'HttpDefaultsGui' : 'TestBeanGUI'}" testclass="${kind}" testname="${name}" enabled="${enabled}">${properties.join('')}</${kind}>
   <hashTree>${below.join('')}</hashTree>`;

const pairs = (
  list: string,
  kind: string,
  [first, second]: [string, string],
  entries: Record<string, string>,
): string =>
  `<collectionProp name="${list}">${Object.entries(entries)
    .map(
      ([name, value]) =>
        `<elementProp name="${name}" elementType="${kind}">${text(first, name)}${text(second, value)}</elementProp>`,
    )
    .join('')}</collectionProp>`;

export const args = (name: string, entries: Record<string, string>, extra = ''): string =>
  `<elementProp name="${name}" elementType="Arguments">${pairs('Arguments.arguments', 'HTTPArgument', ['Argument.name', 'Argument.value'], entries).replaceAll('</elementProp>', `${text('Argument.metadata', '=')}${extra}</elementProp>`)}</elementProp>`;

export const headers = (entries: Record<string, string>): string =>
  element('HeaderManager', 'Headers', [
    pairs('HeaderManager.headers', 'Header', ['Header.name', 'Header.value'], entries),
  ]);

export const timer = (delay: string): string =>
  element('ConstantTimer', 'Think time', [text('ConstantTimer.delay', delay)]);

export const defaults = (): string =>
  element('ConfigTestElement', 'Target', [
    text('HTTPSampler.protocol', '${__P(PROTOCOL,http)}'),
    text('HTTPSampler.domain', '${__P(SERVER_URL)}'),
    text('HTTPSampler.port', '${__P(SERVER_PORT,80)}'),
  ]);

/** `type`: JMeter's bits, 8 equals, 1 matches, 2 contains, 4 not, 16 substring, 32 or. */
export const assertion = (type: number, expected: string[], assumeSuccess = false, field = 'response_code'): string =>
  element('ResponseAssertion', 'Answer', [
    `<collectionProp name="Asserion.test_strings">${expected.map((one) => text('1', one)).join('')}</collectionProp>`,
    text('Assertion.test_field', `Assertion.${field}`),
    bool('Assertion.assume_success', assumeSuccess),
    int('Assertion.test_type', type),
  ]);

export const sampler = (
  name: string,
  method: string,
  path: string,
  properties: string[] = [],
  below: string[] = [],
): string =>
  element(
    'HTTPSamplerProxy',
    name,
    [
      text('HTTPSampler.path', path),
      text('HTTPSampler.method', method),
      bool('HTTPSampler.follow_redirects', true),
      ...properties,
    ],
    below,
  );

export interface GroupSettings {
  users?: string;
  loops?: string;
  onError?: string;
  rampUp?: string;
  more?: string[];
}

export const group = (below: string[], settings: GroupSettings = {}): string => {
  const {
    users = '${__P(VUCount,1)}',
    loops = '${__P(LoopCount,1)}',
    onError = 'continue',
    rampUp = '0',
    more = [],
  } = settings;
  return element(
    'ThreadGroup',
    'Users',
    [
      text('ThreadGroup.on_sample_error', onError),
      `<elementProp name="ThreadGroup.main_controller" elementType="LoopController">
         ${bool('LoopController.continue_forever', false)}${text('LoopController.loops', loops)}</elementProp>`,
      text('ThreadGroup.num_threads', users),
      text('ThreadGroup.ramp_time', rampUp),
      ...more,
    ],
    below,
  );
};

export const planWith = (below: string[], variables: Record<string, string> = {}): string =>
  `<?xml version="1.0" encoding="UTF-8"?>
   <jmeterTestPlan version="1.2" properties="5.0" jmeter="5.6.3"><hashTree>${element(
     'TestPlan',
     'Plan',
     [bool('TestPlan.serialize_threadgroups', false), args('TestPlan.user_defined_variables', variables)],
     below,
   )}</hashTree></jmeterTestPlan>`;
