/** Whether the Bridge is reached from outside: a matter of the installation. */
import { Terminal } from '../../lib/errors/classes.ts';
import type { Keptn } from '../../lib/model/keptn.ts';

/** The Keptn object that this api belongs to. */
export interface Installation {
  read(): Promise<{ keptn: Keptn } | undefined>;
  /** Changes what is named of its spec, and nothing else. */
  change(spec: Record<string, unknown>): Promise<void>;
}

/** The host of the Bridge, as 0.6.2 answers; empty when it has none any more. */
export async function exposeBridge(installation: Installation | undefined, expose: boolean): Promise<string> {
  const found = await installation?.read();
  if (!installation || !found) {
    throw new Terminal('NotFound', 'there is no Keptn object here, which says how the Bridge is reached');
  }
  const { domain } = found.keptn.spec;
  if (expose && domain === undefined) {
    throw new Terminal('PreconditionFailed', 'there is no domain for public hosts: keptn configure domain sets it');
  }
  await installation.change({ ingress: { exposeBridge: expose } });
  return expose ? `bridge.keptn.${domain ?? ''}` : '';
}
