/** The codecs of events: what is written is read back, 0.2 has exactly its fields, and refusals name the field. */
import { expect } from 'chai';
import fc from 'fast-check';
import { Terminal } from '../lib/errors/classes.ts';
import { attributeNames } from '../lib/events/attributes.ts';
import { encodeEvent10, envelope10 } from '../lib/events/codec-10.ts';
import { decodeEvent, encodeEvent } from '../lib/events/codec.ts';
import type { KeptnEvent } from '../lib/events/event.ts';
import { subjectOf } from '../lib/events/subject.ts';

const sample: KeptnEvent = {
  id: 'c9a5a3e0-7f5a-4c1b-9a53-5b7c5f0f0c11',
  type: 'sh.keptn.event.configuration.change',
  source: 'https://github.com/keptn/keptn/cli#configuration-change',
  time: '2020-05-28T07:43:38.312456789Z',
  shkeptncontext: 'a3e5f16d-8888-4720-82c7-6995062905c1',
  data: { project: 'sockshop', stage: '', labels: null },
};

const name = fc
  .stringMatching(/^[a-z0-9]{1,20}$/)
  .filter((value) => !attributeNames.has(value) && value !== 'dataschema');
const printable = fc
  .string({ unit: 'binary', minLength: 1, maxLength: 60 })
  .filter((value) => !/[\x00-\x1f\x7f]/.test(value));

function events(source: fc.Arbitrary<string>, value: fc.Arbitrary<string>): fc.Arbitrary<KeptnEvent> {
  return fc
    .record({
      id: printable,
      type: fc.stringMatching(/^sh\.keptn(\.[a-z-]{1,9}){1,4}$/),
      source,
      time: fc
        .date({ min: new Date(0), max: new Date('2100-01-01'), noInvalidDate: true })
        .map((date) => date.toISOString()),
      shkeptncontext: printable,
      extensions: fc.dictionary(name, value, { minKeys: 1, maxKeys: 3, noNullPrototype: true }),
      data: fc.jsonValue().map((data): unknown => JSON.parse(JSON.stringify(data))),
    })
    .map((event) => event);
}

/** The refusal of what `run` does; fails when there is none. */
function refusal(run: () => unknown): Terminal {
  try {
    run();
  } catch (error) {
    if (error instanceof Terminal) return error;
    throw error;
  }
  throw new Error('it was not refused');
}

/** An envelope as another program may send it, with some fields other than usual. */
function envelope(fields: Record<string, unknown>): Record<string, unknown> {
  const usual = {
    specversion: '1.0',
    type: sample.type,
    source: 'cli',
    id: '1',
    time: sample.time,
    shkeptncontext: 'c',
  };
  return { ...usual, ...fields };
}

describe('event codecs', () => {
  it('write structured 0.2 with exactly its fields', () => {
    const event = { ...sample, extensions: { gitcommitid: 'f00' } };
    expect(JSON.parse(encodeEvent(event))).to.deep.equal({
      specversion: '0.2',
      type: sample.type,
      source: sample.source,
      id: sample.id,
      time: sample.time,
      contenttype: 'application/json',
      shkeptncontext: sample.shkeptncontext,
      gitcommitid: 'f00',
      data: sample.data,
    });
  });

  it('write 1.0 with the names of 1.0 and the time to the nanosecond', () => {
    const written = envelope10({ ...sample, extensions: { schemaurl: 'https://keptn.sh/schema' } });
    expect(written).to.include({ specversion: '1.0', datacontenttype: 'application/json', time: sample.time });
    expect(written)
      .to.include({ dataschema: 'https://keptn.sh/schema' })
      .and.not.have.any.keys('contenttype', 'schemaurl');
  });

  it('read back what was written as 0.2', () => {
    fc.assert(
      fc.property(events(printable, fc.string()), (event) => {
        expect(decodeEvent(Buffer.from(encodeEvent(event)))).to.deep.equal(event);
      }),
    );
  });

  it('read back what was written as 1.0', () => {
    const word = fc.stringMatching(/^[a-z/-]{1,30}$/).filter((value) => !value.startsWith('//'));
    fc.assert(
      fc.property(events(word, word), ({ extensions, ...event }) => {
        expect(decodeEvent(encodeEvent10({ ...event, extensions: { ...extensions, subject: 'x' } }))).to.deep.equal({
          ...event,
          extensions: { ...extensions, subject: 'x' },
        });
      }),
    );
  });

  it('read any JSON without failing other than by a refusal', () => {
    fc.assert(
      fc.property(fc.oneof(fc.json(), fc.string(), fc.uint8Array()), (input) => {
        expect(['InvalidField', 'InvalidBody']).to.include(refusal(() => decodeEvent(input)).code);
      }),
    );
    const fuzzed = fc.dictionary(fc.constantFrom(...attributeNames, 'data_base64', '__proto__'), fc.jsonValue());
    fc.assert(
      fc.property(fuzzed, (fields) => {
        try {
          decodeEvent(envelope(fields));
        } catch (error) {
          expect(error).to.be.instanceOf(Terminal);
        }
      }),
    );
  });

  it('read 0.3 with its data in base64', () => {
    const fields = {
      specversion: '0.3',
      datacontenttype: 'application/json; charset=utf-8',
      datacontentencoding: 'base64',
    };
    expect(decodeEvent(envelope({ ...fields, data: Buffer.from('{"a":1}').toString('base64') })).data).to.deep.equal({
      a: 1,
    });
  });

  it('read 1.0 with data_base64, as JSON or as text by its content type', () => {
    expect(decodeEvent(envelope({ data_base64: Buffer.from('[1]').toString('base64') })).data).to.deep.equal([1]);
    const fields = { datacontenttype: 'text/plain', data_base64: Buffer.from('Grüße').toString('base64') };
    expect(decodeEvent(envelope(fields)).data).to.equal('Grüße');
  });

  it('read what 0.6.2 sends: contentType, a time in the form of Go, numbers and null as extensions', () => {
    const event = decodeEvent(
      envelope({
        specversion: '0.2',
        contentType: 'application/json',
        time: '2020-05-28 07:43:38.312 +0000 UTC m=+0.102',
        shkeptnstep: null,
        shkeptnphaseid: 7,
      }),
    );
    expect(event.time).to.equal('2020-05-28T07:43:38.312Z');
    expect(event.extensions).to.deep.equal({ shkeptnphaseid: '7' });
  });

  it('take the time of arrival when an event has none', () => {
    expect(decodeEvent(envelope({ time: undefined }), '2026-01-01T00:00:00Z').time).to.equal('2026-01-01T00:00:00Z');
  });

  const wrong: [string, Record<string, unknown>][] = [
    ['specversion', { specversion: '2.0' }],
    ['type', { type: '' }],
    ['source', { source: 7 }],
    ['id', { id: 'a\nb' }],
    ['id', { id: undefined }],
    ['time', { time: 'yesterday' }],
    ['shkeptncontext', { shkeptncontext: undefined }],
    ['data', { datacontentencoding: 'base64', data: 'not base64!' }],
    ['data_base64', { data_base64: Buffer.from('{').toString('base64') }],
    ['labels', { labels: { a: 'b' } }],
    ['"a_b"', { a_b: 'c' }],
  ];
  for (const [field, fields] of wrong) {
    it(`name ${field} when they refuse ${JSON.stringify(fields)}`, () => {
      const { code, message } = refusal(() => decodeEvent(envelope(fields)));
      expect(code).to.equal('InvalidField');
      expect(message).to.match(new RegExp(`^${field}: `));
    });
  }

  it('say nothing of a body that is no JSON, since it may hold a token', () => {
    const { code, message } = refusal(() => decodeEvent('{"gitToken":"hunter2"'));
    expect(code).to.equal('InvalidBody');
    expect(message).not.to.contain('hunter2');
  });

  it('refuse to write an extension that would replace an attribute', () => {
    for (const extension of ['id', 'data', 'shkeptncontext', 'Upper', 'a_b']) {
      const event = { ...sample, extensions: { [extension]: 'x' } };
      expect(refusal(() => encodeEvent(event)).message).to.match(new RegExp(`^extensions\\.${extension}: `));
    }
  });

  it('name the field that 1.0 does not allow', () => {
    expect(refusal(() => encodeEvent10({ ...sample, source: 'no uri at all %' })).message).to.match(/^source: /);
  });
});

describe('the subject of an event', () => {
  it('is its type', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^sh\.keptn(\.[A-Za-z0-9_-]{1,9}){1,5}$/), (type) => {
        expect(subjectOf(type)).to.equal(type);
      }),
    );
  });

  const escapes = [
    '',
    'sh.keptn',
    'sh.keptn.',
    'sh.keptn.>',
    'sh.keptn.*.a',
    'sh.keptn..a',
    'sh.keptn.a.',
    'sh.keptn.a b',
  ];
  for (const type of [
    ...escapes,
    'sh.keptn.a\r\n',
    'sh.keptnx.a',
    'dead.sh.keptn.a',
    '$JS.API.INFO',
    `sh.keptn.${'a'.repeat(300)}`,
  ]) {
    it(`is refused for ${JSON.stringify(type.slice(0, 20))}, naming the type`, () => {
      const { code, message } = refusal(() => subjectOf(type));
      expect(code).to.equal('InvalidField');
      expect(message).to.match(/^type: /);
    });
  }
});
