/** Writes events as CloudEvents 1.0, for receivers that know no older version. Checked by the CloudEvents SDK. */
import { CloudEvent, ValidationError } from 'cloudevents';
import { Terminal } from '../errors/classes.ts';
import { checkSendable, toJson, type Envelope } from './codec.ts';
import type { KeptnEvent } from './event.ts';

export function envelope10(event: KeptnEvent): Envelope {
  checkSendable(event);
  // 1.0 renamed schemaurl; as an extension of this name the SDK refuses it.
  const { schemaurl, ...extensions } = event.extensions ?? {};
  const envelope = {
    specversion: '1.0',
    type: event.type,
    source: event.source,
    id: event.id,
    time: event.time,
    datacontenttype: 'application/json',
    ...(schemaurl === undefined ? {} : { dataschema: schemaurl }),
    shkeptncontext: event.shkeptncontext,
    ...extensions,
    data: event.data,
  };
  validate(envelope);
  return envelope;
}

/** The structured 1.0 JSON of an event. */
export function encodeEvent10(event: KeptnEvent): string {
  return toJson(envelope10(event));
}

function validate(envelope: Envelope): void {
  try {
    // The data is not part of the check: it may be a large chart. The envelope itself is sent, not the SDK's copy,
    // because that would cut the time to milliseconds.
    new CloudEvent({ ...envelope, data: null });
  } catch (error) {
    const field = error instanceof ValidationError ? fieldOf(error) : 'event';
    throw new Terminal('InvalidField', `${field}: is not valid in CloudEvents 1.0`);
  }
}

/** The SDK hands on what its schema validator found, each with the path of the field. */
function fieldOf(error: ValidationError): string {
  const first: unknown = Array.isArray(error.errors) ? error.errors[0] : undefined;
  if (
    typeof first === 'object' &&
    first !== null &&
    'instancePath' in first &&
    typeof first.instancePath === 'string'
  ) {
    return first.instancePath.replace(/^\//, '').replaceAll('/', '.') || 'event';
  }
  return 'event';
}
